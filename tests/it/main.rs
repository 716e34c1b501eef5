//! One test binary.

mod architecture;
