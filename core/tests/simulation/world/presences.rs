//! How users should show in the end, by the plainest rule.

use super::World;

impl World {
    /// What a device of this user begins with, if its user ever chooses.
    pub(super) fn draw_choice(&mut self, user: u64) -> Option<u8> {
        let kind = self.dice.between(1, 4) as u8;
        Self::chooses(user).then_some(kind)
    }

    /// Everyone shows as the most present of the devices that are on: 3 over 1 over 2 over 4.
    pub(super) fn conclude_presences(&mut self) {
        if self.nodes.len() > 1 {
            return;
        }
        for user in 1..=self.plan.users {
            let devices = self.devices.iter().filter(|device| device.user == user && device.is_live());
            let kinds: Vec<u8> = devices.map(|device| device.choice.unwrap_or(1)).collect();
            let due = [3, 1, 2, 4].into_iter().find(|kind| kinds.contains(kind)).unwrap_or(4);
            let shown = self.oracle.shown_at(user, self.oracle.head());
            if shown != due {
                return self.blame(|| format!("in the end, user {user} shows as {shown}, due is {due}: {kinds:?}"));
            }
        }
    }
}
