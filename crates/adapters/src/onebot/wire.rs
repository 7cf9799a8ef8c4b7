//! JSON as OneBot bridges really send it. Ids come as numbers, texts and floats; fields are missing, null or of the
//! wrong type: all that is read here, once, and nowhere else. Gives nothing a meaning; that is `decode.rs`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use teahouse_core::{Media, MemberId, MessageId, Segment};

use super::cq;

/// Segments beyond this are not kept.
pub(super) const MOST_SEGMENTS: usize = 200;
/// The longest id of a bridge that we have met has 40 characters.
const LONGEST_ID: usize = 128;

/// A frame, with all fields that mean something to us; the rest is skipped without being built.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireFrame<'a> {
    #[serde(borrow)]
    pub post_type: Loose<'a>,
    #[serde(borrow)]
    pub message_type: Loose<'a>,
    #[serde(borrow)]
    pub notice_type: Loose<'a>,
    #[serde(borrow)]
    pub request_type: Loose<'a>,
    #[serde(borrow)]
    pub meta_event_type: Loose<'a>,
    #[serde(borrow)]
    pub sub_type: Loose<'a>,
    #[serde(borrow)]
    pub self_id: WireId<'a>,
    #[serde(borrow)]
    pub user_id: WireId<'a>,
    #[serde(borrow)]
    pub group_id: WireId<'a>,
    #[serde(borrow)]
    pub operator_id: WireId<'a>,
    #[serde(borrow)]
    pub target_id: WireId<'a>,
    #[serde(borrow)]
    pub message_id: WireId<'a>,
    #[serde(borrow)]
    pub message_seq: WireId<'a>,
    #[serde(borrow)]
    pub real_seq: WireId<'a>,
    #[serde(borrow)]
    pub time: Loose<'a>,
    #[serde(borrow)]
    pub duration: Loose<'a>,
    #[serde(borrow)]
    pub raw_message: Loose<'a>,
    #[serde(borrow)]
    pub retcode: Loose<'a>,
    #[serde(borrow)]
    pub wording: Loose<'a>,
    #[serde(borrow)]
    pub msg: Loose<'a>,
    /// An array, one lone segment, or text with CQ codes; of a response its error text.
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub sender: Option<&'a RawValue>,
    #[serde(borrow)]
    pub anonymous: Option<&'a RawValue>,
    /// Of a response a word, of a heartbeat an object.
    #[serde(borrow)]
    pub status: Option<&'a RawValue>,
    #[serde(borrow)]
    pub echo: Option<&'a RawValue>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

/// Who is said to have sent it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireSender<'a> {
    #[serde(borrow)]
    pub user_id: WireId<'a>,
    #[serde(borrow)]
    pub nickname: Loose<'a>,
    #[serde(borrow)]
    pub card: Loose<'a>,
    #[serde(borrow)]
    pub role: Loose<'a>,
    #[serde(borrow)]
    pub group_id: WireId<'a>,
    #[serde(borrow)]
    pub is_robot: Loose<'a>,
}

impl<'a> WireSender<'a> {
    /// Empty when it came as anything but an object.
    pub fn read(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }
}

/// The `status` of a heartbeat.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireStatus<'a> {
    #[serde(borrow)]
    pub online: Loose<'a>,
}

/// Whether a raw value is an object.
pub(super) fn is_object(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get().starts_with('{'))
}

/// Whether a raw value is an array.
pub(super) fn is_array(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get().starts_with('['))
}

/// The text of a raw value, if it is one.
pub(super) fn raw_text(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// One JSON value of any shape, without what is inside objects and arrays.
enum Scalar<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    Nested,
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AnyShape;
        impl<'de> Visitor<'de> for AnyShape {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Signed(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Scalar::Unsigned(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Float(value))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(value.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nested)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nested)
            }
        }
        from.deserialize_any(AnyShape)
    }
}

impl<'a> Scalar<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Text(text) => Some(text),
            Scalar::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Scalar::Signed(value) => Some(Cow::Owned(value.to_string())),
            Scalar::Unsigned(value) => Some(Cow::Owned(value.to_string())),
            Scalar::Float(value) => Some(Cow::Owned(
                whole(value).map_or_else(|| value.to_string(), |whole| whole.to_string()),
            )),
            Scalar::Null | Scalar::Nested => None,
        }
    }
}

/// A float that stands for exactly one whole number.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}

/// Any scalar as text; null, objects and arrays are nothing.
#[derive(Default)]
pub(super) struct Loose<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Loose(Scalar::deserialize(from)?.text()))
    }
}

impl Loose<'_> {
    pub fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    pub fn filled(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// A whole number, also when it came as text or float.
    pub fn number(&self) -> Option<i64> {
        let text = self.text().trim();
        text.parse()
            .ok()
            .or_else(|| text.parse::<f64>().ok().and_then(whole))
    }

    pub fn is_true(&self) -> bool {
        matches!(self.text(), "true" | "1")
    }
}

/// An id: absent, opaque text, or nothing that could be trusted to mean one thing.
#[derive(Default)]
pub(super) enum WireId<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Illegal,
}

impl<'de: 'a, 'a> Deserialize<'de> for WireId<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let scalar = Scalar::deserialize(from)?;
        Ok(match scalar {
            Scalar::Null => WireId::Absent,
            Scalar::Text(text) if text.is_empty() => WireId::Absent,
            // 1e9 is 1000000000; beyond 2^53 a float no longer tells neighbours apart.
            Scalar::Float(value) => whole(value).map_or(WireId::Illegal, |whole| {
                WireId::Text(Cow::Owned(whole.to_string()))
            }),
            Scalar::Bool(_) | Scalar::Nested => WireId::Illegal,
            Scalar::Text(_) | Scalar::Signed(_) | Scalar::Unsigned(_) => {
                scalar.text().map_or(WireId::Illegal, WireId::Text)
            }
        })
    }
}

impl WireId<'_> {
    /// As a label of a message: any text without blanks and controls.
    pub fn label(&self) -> Option<&str> {
        match self {
            WireId::Text(text) if is_label(text) => Some(text),
            WireId::Text(_) | WireId::Absent | WireId::Illegal => None,
        }
    }

    /// As a person or a group: a label that no one can take for a chat id of ours.
    pub fn party(&self) -> Option<&str> {
        self.label().filter(|text| is_party(text))
    }

    /// As a person or a group, where bridges write 0 for nobody.
    pub fn somebody(&self) -> Option<&str> {
        self.party().filter(|id| *id != "0")
    }

    pub fn is_absent(&self) -> bool {
        match self {
            WireId::Absent => true,
            WireId::Text(_) | WireId::Illegal => false,
        }
    }
}

fn is_label(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

pub(super) fn is_party(text: &str) -> bool {
    is_label(text) && !text.contains(['/', '@', ':', '*'])
}

/// A message in whichever form it came.
pub(super) enum Body<'a> {
    /// An array, or one lone segment.
    Segments(Vec<Segment>),
    /// Plain text with CQ codes in it.
    Text(Cow<'a, str>),
}

impl<'a> Body<'a> {
    /// Nothing when it is neither array, object nor text.
    pub fn read(raw: &'a RawValue) -> Option<Self> {
        let json = raw.get();
        match json.as_bytes().first()? {
            b'[' => {
                let SegmentList(segments) = serde_json::from_str(json).ok()?;
                Some(Body::Segments(segments))
            }
            b'{' => {
                let WireSegment(segment) = serde_json::from_str(json).ok()?;
                Some(Body::Segments(vec![segment]))
            }
            b'"' => {
                let Loose(text) = serde_json::from_str(json).ok()?;
                text.map(Body::Text)
            }
            _ => None,
        }
    }

    /// Its segments, the first [`MOST_SEGMENTS`] and a word about the rest.
    pub fn into_segments(self) -> Vec<Segment> {
        match self {
            Body::Segments(segments) => segments,
            Body::Text(text) => cq::parse(&text),
        }
    }
}

/// The frame with `\ufffd` for each half of a surrogate pair that stands alone: JavaScript writes such halves where an
/// emoji was cut, and a name that is cut must not cost the message.
pub(super) fn whole_characters(frame: &[u8]) -> Cow<'_, [u8]> {
    let mut whole = Cow::Borrowed(frame);
    let mut at = 0;
    while let Some(backslash) = frame[at..].iter().position(|&byte| byte == b'\\') {
        at += backslash;
        at += match (
            escaped_unit(&frame[at..]),
            escaped_unit(frame.get(at + 6..).unwrap_or_default()),
        ) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.to_mut()[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            (_, _) => 2,
        };
        if at >= frame.len() {
            break;
        }
    }
    whole
}

/// The number in `\uXXXX` at the start.
fn escaped_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What stands for the segments that were not kept.
pub(super) fn too_long(dropped: usize) -> Segment {
    Segment::Unsupported {
        kind: "too-long".into(),
        fields: serde_json::json!({ "dropped": dropped }),
    }
}

struct SegmentList(Vec<Segment>);

impl<'de> Deserialize<'de> for SegmentList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = SegmentList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of segments")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut segments = Vec::with_capacity(2);
                while segments.len() < MOST_SEGMENTS {
                    match seq.next_element::<WireSegment>()? {
                        Some(WireSegment(segment)) => segments.push(segment),
                        None => return Ok(SegmentList(segments)),
                    }
                }
                let mut dropped = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    dropped += 1;
                }
                if dropped > 0 {
                    segments.push(too_long(dropped));
                }
                Ok(SegmentList(segments))
            }
        }
        from.deserialize_seq(List)
    }
}

struct WireSegment(Segment);

impl<'de> Deserialize<'de> for WireSegment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = WireSegment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a segment")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                segment_of(map).map(WireSegment)
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(WireSegment(Segment::Text {
                    text: one_line_end(text.into()),
                }))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(shapeless(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(shapeless(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(shapeless(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(shapeless(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(shapeless(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element::<Value>()? {
                    values.push(value);
                }
                Ok(shapeless(values.into()))
            }
        }
        from.deserialize_any(One)
    }
}

/// A segment that is no object.
fn shapeless(value: Value) -> WireSegment {
    WireSegment(Segment::Unsupported {
        kind: String::new(),
        fields: value,
    })
}

/// Reads `{"type": …, "data": …}`. A text that says its type first, as they all do, is read without a map.
fn segment_of<'de, A: MapAccess<'de>>(mut map: A) -> Result<Segment, A::Error> {
    #[derive(Deserialize)]
    #[serde(field_identifier, rename_all = "lowercase")]
    enum Key {
        Type,
        Data,
        #[serde(other)]
        Other,
    }
    let mut kind = Loose::default();
    let mut text = None;
    let mut data = Map::new();
    while let Some(key) = map.next_key()? {
        match key {
            Key::Type => kind = map.next_value()?,
            Key::Data if kind.text() == "text" => text = map.next_value::<TextData>()?.0,
            Key::Data => match map.next_value()? {
                Value::Object(fields) => data = fields,
                Value::Null => {}
                odd => {
                    data.insert("data".into(), odd);
                }
            },
            Key::Other => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(match text {
        Some(text) => Segment::Text {
            text: one_line_end(text),
        },
        None => segment(kind.text(), data),
    })
}

struct TextData(Option<String>);

impl<'de> Deserialize<'de> for TextData {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Data;
        impl<'de> Visitor<'de> for Data {
            type Value = TextData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the data of a text segment")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut text = None;
                while let Some(Loose(key)) = map.next_key()? {
                    if key.as_deref() == Some("text") {
                        text = map.next_value::<Loose>()?.0.map(Cow::into_owned);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(TextData(text))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(TextData(None))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextData(Some(text.into())))
            }
        }
        from.deserialize_any(Data)
    }
}

/// A segment by its type and fields; every field is kept.
pub(super) fn segment(kind: &str, mut data: Map<String, Value>) -> Segment {
    let known = match kind {
        "text" => scalar(&data, "text").map(|text| Segment::Text {
            text: one_line_end(text),
        }),
        "at" if scalar(&data, "qq").as_deref() == Some("all") => {
            Some(Segment::MentionAll { more: data.clone() })
        }
        "at" => scalar(&data, "qq")
            .filter(|id| is_party(id))
            .map(|member| Segment::Mention {
                member: MemberId::new(member),
                more: without(&mut data, "qq", "member"),
            }),
        "reply" => scalar(&data, "id")
            .filter(|id| is_label(id))
            .map(|id| Segment::Quote {
                message: MessageId::new(id),
                more: without(&mut data, "id", "message"),
            }),
        "image" => Some(Segment::Image(media(&mut data))),
        "record" => Some(Segment::Voice(media(&mut data))),
        "video" => Some(Segment::Video(media(&mut data))),
        "file" => Some(Segment::File(media(&mut data))),
        "face" => scalar(&data, "id").map(|id| Segment::Face {
            id,
            more: without(&mut data, "id", "id"),
        }),
        "forward" => scalar(&data, "id").map(|id| Segment::Forward {
            id,
            more: without(&mut data, "id", "id"),
        }),
        _ => None,
    };
    known.unwrap_or_else(|| Segment::Unsupported {
        kind: kind.into(),
        fields: Value::Object(data),
    })
}

fn media(data: &mut Map<String, Value>) -> Media {
    let mut take = |key| {
        let text = scalar(data, key)?;
        data.remove(key);
        Some(text)
    };
    Media {
        file: take("file"),
        url: take("url"),
        more: std::mem::take(data),
    }
}

/// The fields without the one that has a name of ours; a field that would hide that name steps aside.
fn without(data: &mut Map<String, Value>, theirs: &str, ours: &str) -> Map<String, Value> {
    let mut rest = std::mem::take(data);
    rest.remove(theirs);
    if let Some(hidden) = rest.remove(ours) {
        rest.insert(format!("_{ours}"), hidden);
    }
    rest
}

fn scalar(data: &Map<String, Value>, key: &str) -> Option<String> {
    match data.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// QQ writes `\r` or `\r\n`; we know `\n` only.
pub(super) fn one_line_end(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A call to the bridge.
#[derive(Serialize)]
pub(super) struct WireCall<'a> {
    pub action: &'a str,
    pub params: &'a Value,
    pub echo: &'a str,
}
