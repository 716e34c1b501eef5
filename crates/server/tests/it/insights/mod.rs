//! Numbers over many deployments, beside the same numbers computed by hand.

mod by_hand;
mod edges;
mod same_numbers;
