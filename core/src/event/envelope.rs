//! The envelope of an event: its name, its place in the log, and everything else as the text that came in.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::name::EventName;
use crate::time::UnixMillis;

/// An event's place in the one ordered event log: `s` on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Where a log that is made at `now` starts: milliseconds since 2020 times 4096, so that a position of an older log
    /// is never taken for one of this log (protocol, section 5).
    pub const fn first_of_a_log(now: UnixMillis) -> Self {
        Self(now.since_2020() << 12)
    }

    /// The place as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The place as the signed number that databases store.
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One event as it travels: `{"t":NAME,"s":S,...}`.
///
/// Whatever stands beside `t` and `s` is kept as text and in order, so that unknown fields, key order and large numbers
/// survive untouched.
#[derive(Clone, Debug)]
pub struct Envelope {
    t: EventName,
    s: Option<Seq>,
    fields: Vec<(String, Box<RawValue>)>,
}

impl Envelope {
    /// An event without a place in the log.
    pub fn new(t: EventName) -> Self {
        Self { t, s: None, fields: Vec::new() }
    }

    /// Adds or replaces the field `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Box<RawValue>) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        self
    }

    /// Adds or replaces `d` with the JSON of `payload`.
    ///
    /// # Panics
    /// When `payload` has no JSON form (a map whose keys are no strings): the caller's bug.
    #[must_use]
    pub fn with_d(self, payload: &impl Serialize) -> Self {
        self.with("d", serde_json::value::to_raw_value(payload).expect("payloads have a JSON form"))
    }

    /// The event's name.
    pub const fn t(&self) -> &EventName {
        &self.t
    }

    /// The event's place in the log; control frames have none.
    pub const fn s(&self) -> Option<Seq> {
        self.s
    }

    /// Gives the event its place in the log.
    #[must_use]
    pub const fn with_s(mut self, s: Seq) -> Self {
        self.s = Some(s);
        self
    }

    /// The text of the field `name`, if the event has it.
    pub fn field(&self, name: &str) -> Option<&RawValue> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The text of `d`, if the event has one.
    pub fn d(&self) -> Option<&RawValue> {
        self.field("d")
    }

    /// Names of the fields beside `t` and `s`, in the order in which they stand.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Everything but `t` and `s`, as the text of one JSON object.
    pub(super) fn fields_json(&self) -> String {
        let mut text = String::from("{");
        for (name, value) in &self.fields {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(name).expect("a string has a JSON form"));
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        text
    }

    /// The event as the text of one JSON object: `t`, then `s`, then the rest as it came in.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an envelope has a JSON form")
    }
}

impl FromStr for Envelope {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Two envelopes are equal when they are the same text on the wire.
impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("t", self.t.as_str())?;
        if let Some(s) = self.s {
            map.serialize_entry("s", &s)?;
        }
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;

        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event: a JSON object with a `t`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
                let (mut t, mut s, mut fields) = (None, None, Vec::new());
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "t" if t.is_none() => t = Some(map.next_value()?),
                        "s" if s.is_none() => s = Some(map.next_value::<Option<Seq>>()?),
                        "t" | "s" => return Err(de::Error::custom(format!("the field `{name}` stands twice"))),
                        _ => fields.push((name, map.next_value()?)),
                    }
                }
                if let Some(name) = twice(&fields) {
                    // Parsers differ in which one counts, so that two readers would see two events.
                    return Err(de::Error::custom(format!("the field `{name}` stands twice")));
                }
                let t = t.ok_or_else(|| de::Error::missing_field("t"))?;
                Ok(Envelope { t, s: s.flatten(), fields })
            }
        }

        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// A name that stands twice, if one does.
fn twice(fields: &[(String, Box<RawValue>)]) -> Option<&str> {
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_goes_out_to_the_letter() {
        let json =
            r#"{"t":"RAID","s":7,"d":{"b":1e2,"a":[1.50,{"c":123456789012345678901234567890}]},"later":"\u00e9"}"#;
        assert_eq!(json.parse::<Envelope>().unwrap().to_json(), json);
    }

    #[test]
    fn an_event_without_a_name_is_refused() {
        for json in
            [r#"{"d":{}}"#, r#"{"t":5}"#, r#"{"t":"lower"}"#, "[]", r#"{"t":"A","t":"B"}"#, r#"{"t":"A","d":1,"d":2}"#]
        {
            assert!(json.parse::<Envelope>().is_err(), "{json}");
        }
    }

    #[test]
    fn a_log_starts_beyond_every_position_of_an_older_one() {
        let at = |millis| Seq::first_of_a_log(UnixMillis::from_millis(millis));
        assert!(at(1_700_000_000_001).as_u64() - at(1_700_000_000_000).as_u64() == 4096);
    }
}
