//! x
mod doorway;
/// The name of the control socket in the data folder.
pub const CONTROL_SOCKET: &str = "control.sock";
