//! What happens to a world: on its platform, to its machines, and between them.

use std::time::Duration;

use sanmon_core::event::Presence;

use super::World;
use crate::deed::{Deed, To};
use crate::node::Life;

impl World {
    /// Lets one thing happen, drawn by chance, and some time go by.
    pub(crate) fn live(&mut self) {
        match self.dice.below(100) {
            0..=29 => self.burst(),
            30..=44 => self.change_guilds(),
            45..=52 => self.choose(),
            53..=60 => self.break_link(),
            61..=65 => self.slow_down(),
            66..=70 => self.sleep(),
            71..=75 => self.restart_device(),
            76..=78 => self.go_offline(),
            79..=82 => self.end_some_process(),
            83..=86 => self.drain_some(),
            87..=89 => {
                let percent = self.dice.between(20, 100);
                self.forget(percent);
            }
            90..=92 => self.revoke(),
            93..=94 => {
                let until = self.now + self.dice.millis(500, 8_000);
                self.hiccup(until);
            }
            95 => self.chatter(),
            _ => {}
        }
        let wait = match self.dice.below(20) {
            0 => self.dice.millis(0, 30_000),
            1..=4 => self.dice.millis(0, 3_000),
            _ => self.dice.millis(0, 300),
        };
        self.run(wait);
    }

    /// A publisher says some things, to whomever.
    fn burst(&mut self) {
        for _ in 0..self.dice.between(1, 8) {
            let user = self.dice.between(1, self.plan.users);
            let to = match (self.dice.below(5), self.some_guild()) {
                (0, _) => To::Everyone,
                (1, _) => To::Users(vec![user, self.dice.between(1, self.plan.users), user]),
                (2 | 3, Some(guild)) => To::Guild(guild),
                _ => To::User(user),
            };
            let deed = match self.dice.below(10) {
                0 | 1 => Deed::Here(to),
                2 | 3 if self.nodes.len() > 1 => Deed::Shows { user, kind: self.dice.between(1, 4) as u8 },
                _ => Deed::News(to),
            };
            let node = self.dice.below(self.nodes.len() as u64) as usize;
            self.publish(node, vec![deed]);
        }
    }

    fn change_guilds(&mut self) {
        let user = self.dice.between(1, self.plan.users);
        let node = self.dice.below(self.nodes.len() as u64) as usize;
        let Some(guild) = self.some_guild() else { return };
        if self.dice.percent(5) && self.platform.guilds.len() > 1 {
            self.publish(node, vec![Deed::GuildGone { guild }]);
        } else if self.platform.is_in(user, guild) && self.dice.percent(50) {
            self.publish(node, vec![Deed::Leave { guild, user }, Deed::MemberRemove { guild, user }]);
        } else {
            self.publish(node, vec![Deed::Join { guild, user }, Deed::MemberAdd { guild, user }]);
        }
    }

    /// Someone who does so at all chooses how to show.
    fn choose(&mut self) {
        let index = self.some_device();
        if !Self::chooses(self.devices[index].user) || self.devices[index].is_off() {
            return;
        }
        let kind = self.dice.between(1, 4) as u8;
        let now = self.now;
        let device = &mut self.devices[index];
        device.choice = Some(kind);
        if let Some(client) = &mut device.client {
            client.handle_presence(now, &Presence::of(kind.try_into().expect("a kind")));
        }
        self.obey(index);
    }

    /// A client says more in a minute than a user may.
    fn chatter(&mut self) {
        let index = self.some_device();
        for _ in 0..130 {
            let device = &mut self.devices[index];
            let (now, choice) = (self.now, device.choice);
            if let (Some(client), Some(kind)) = (&mut device.client, choice) {
                client.handle_presence(now, &Presence::of(kind.try_into().expect("a kind")));
            }
            self.obey(index);
        }
    }

    /// Something happens to one connection.
    fn break_link(&mut self) {
        let ids: Vec<u64> = self.links.keys().copied().collect();
        let Some(id) = self.dice.pick(&ids) else { return };
        let (client, server) = (self.now + self.dice.millis(0, 2_000), self.now + self.dice.millis(0, 2_000));
        let until = self.now + self.dice.millis(500, 25_000);
        let kind = self.dice.below(7);
        self.tell(|| {
            format!("link {id} breaks: {}", ["cut", "silent", "up", "down", "stall", "half", "half"][kind as usize])
        });
        let Some(link) = self.links.get_mut(&id) else { return };
        match kind {
            // Cut, and both learn it.
            0 => (link.client_told, link.server_told) = (Some(client), Some(server)),
            // Cut, and nobody does.
            1 => {
                link.up.lose();
                link.down.lose();
            }
            // One direction is lost.
            2 => link.up.lose(),
            3 => link.down.lose(),
            // Everything waits for a while.
            4 => {
                link.up.stall(until);
                link.down.stall(until);
            }
            // Half of the connection is closed: one end knows, the other sends on into nothing.
            5 => {
                link.up.lose();
                link.client_told = Some(client);
            }
            _ => {
                link.down.lose();
                link.server_told = Some(server);
            }
        }
    }

    /// An application takes its time with what it reads, for a while or until it restarts.
    fn slow_down(&mut self) {
        let index = self.some_device();
        let pace = if self.devices[index].pace > 0 { 0 } else { self.dice.between(20, 3_000) };
        self.tell(|| format!("device {index} reads every {pace} ms"));
        self.devices[index].pace = pace;
    }

    fn sleep(&mut self) {
        let index = self.some_device();
        let until = self.now + self.dice.millis(100, 100_000);
        self.tell(|| format!("device {index} sleeps until {}", until.as_millis() - 1_000_000));
        self.devices[index].asleep_until = Some(until);
    }

    fn restart_device(&mut self) {
        let index = self.some_device();
        if self.devices[index].starts_at.is_some() {
            return;
        }
        let back = self.now + self.dice.millis(100, 40_000);
        let is_off = self.dice.percent(30);
        self.tell(|| format!("device {index} is switched off{}", if is_off { "" } else { " and on again" }));
        self.stop_device(index, if is_off { None } else { Some(back) });
    }

    /// A device loses its network: what it has open goes silent, and nothing can be opened.
    fn go_offline(&mut self) {
        let index = self.some_device();
        let until = self.now + self.dice.millis(500, 60_000);
        self.tell(|| format!("device {index} is offline until {}", until.as_millis() - 1_000_000));
        let device = &mut self.devices[index];
        device.offline_until = until;
        if let Some(link) = device.link.and_then(|link| self.links.get_mut(&link)) {
            link.up.lose();
            link.down.lose();
        }
    }

    fn end_some_process(&mut self) {
        let node = self.dice.below(self.nodes.len() as u64) as usize;
        if !self.nodes[node].is_down() {
            self.tally.crashes += 1;
            let (down, silent) = (self.dice.millis(100, 8_000), self.dice.percent(20));
            self.end_process(node, down, silent);
        }
    }

    fn drain_some(&mut self) {
        let node = self.dice.below(self.nodes.len() as u64) as usize;
        if self.nodes[node].life == Life::Up {
            self.tally.drains += 1;
            let window = self.dice.millis(100, 10_000);
            self.tell(|| format!("node {node} drains over {window:?}"));
            self.drain(node, window);
        }
    }

    fn revoke(&mut self) {
        let device = self.some_device();
        let (session, user) = (self.devices[device].session, self.devices[device].user);
        let is_all = self.dice.percent(20);
        let deed = if is_all { Deed::UserRevoked { user } } else { Deed::SessionRevoked { session } };
        self.publish(0, vec![deed]);
    }

    /// From now on nothing is broken: every process runs, every wire carries, everyone is awake and reads.
    pub(crate) fn heal(&mut self) {
        self.tell(|| "the network heals".into());
        for node in &mut self.nodes {
            if let Life::Down { until } = &mut node.life {
                *until = self.now;
            }
        }
        let now = self.now;
        (self.hiccup_until, self.is_healed) = (now, true);
        for index in 0..self.devices.len() {
            let device = &mut self.devices[index];
            (device.pace, device.reads_at, device.offline_until) = (0, now, now);
            if device.asleep_until.is_some() {
                device.asleep_until = Some(now);
            }
        }
        // What is silent stays so: the machines have to find out. Waiting ends.
        for link in self.links.values_mut() {
            link.up.resume(now);
            link.down.resume(now);
        }
        self.run(Duration::from_millis(1));
    }

    fn some_guild(&mut self) -> Option<u64> {
        self.dice.pick(&self.platform.guilds.clone())
    }

    fn some_device(&mut self) -> usize {
        self.dice.below(self.devices.len() as u64) as usize
    }
}
