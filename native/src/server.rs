//! x
mod doorway;
