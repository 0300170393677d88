// The other names of this package, and packages of the earlier framework, of which nothing is left to check.
declare module '@motia/core' {
  export * from 'motia'
}
declare module '@motiadev/core' {
  export * from 'motia'
}
declare module '@iii-dev/motia' {
  export * from 'motia'
}
declare module 'motia/workbench'
declare module '@motiadev/workbench'
declare module '@motiadev/plugin-*'
declare module '@motiadev/adapter-*'
