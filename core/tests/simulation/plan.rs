//! What a world is made of, drawn by chance.

use crate::dice::Dice;

/// What a world is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) users: u64,
    /// Devices of each user.
    pub(crate) devices: u64,
    pub(crate) guilds: u64,
    pub(crate) nodes: usize,
    /// The bound of a connection's queue, in bytes.
    pub(crate) queue: usize,
    /// Bytes that a connection holds under way before the socket would block.
    pub(crate) window: usize,
    /// Entries of the log that a node holds in its ring.
    pub(crate) ring: u64,
    /// How long anything travels at most, in milliseconds.
    pub(crate) latency: u64,
}

impl Plan {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        Self {
            users: dice.between(2, 4),
            devices: dice.between(1, 3),
            guilds: dice.between(1, 3),
            nodes: if dice.percent(70) { 1 } else { 2 },
            queue: dice.between(250, 1500) as usize,
            window: dice.between(150, 1200) as usize,
            ring: dice.between(3, 40),
            latency: dice.between(2, 150),
        }
    }
}
