// @hey-api/openapi-ts: a TypeScript client that follows server-sent events.
//   npx openapi-ts -f hey-api.config.mjs -i slipway-v1.json -o src/slipway
export default {
  plugins: [
    { name: "@hey-api/client-fetch", throwOnError: false },
    "@hey-api/typescript",
    "@hey-api/sdk",
  ],
};
