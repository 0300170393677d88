import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const console_url = process.env.MOTIA_CONSOLE ?? 'http://127.0.0.1:3000'

export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/__motia/assets/' : '/',
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: fileURLToPath(new URL('../src/motia/workbench/assets', import.meta.url)),
    emptyOutDir: true,
    assetsDir: '',
    target: ['chrome123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // One file of what most pages share, instead of a request for each icon.
          groups: [{ name: 'shared', minShareCount: 3, test: /\/src\/|lucide-react|@tanstack|@radix-ui/ }],
        },
      },
    },
  },
  server: { proxy: { '/__motia': { target: console_url, changeOrigin: true } } },
  test: { include: ['tests/**/*.test.{ts,tsx}'], globals: false },
}))
