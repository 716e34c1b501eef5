//! The built-in database with real processes. Run as root, the cases run as root and once more as an ordinary user.

mod crash;
mod folder;
mod harness;
mod life;
mod permissions;
mod places;
