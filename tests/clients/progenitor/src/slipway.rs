//! The generated client.

progenitor::generate_api!(
    spec = "../../../openapi/slipway-v1.compat.json",
    interface = Builder,
    tags = Merged
);
