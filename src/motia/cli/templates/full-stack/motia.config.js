export default {
  development: {
    port: 3001,
    workbench: { enabled: true, port: 3000 },
  },
  production: {
    port: process.env.PORT || 8080,
    workbench: { enabled: false },
  },
}
