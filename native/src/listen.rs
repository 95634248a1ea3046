//! Where connections come from: TCP addresses, unix sockets and inherited sockets, plain or encrypted.

mod io;

pub use self::io::Io;
