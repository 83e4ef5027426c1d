//! Which fields of a record are there and which are left out: its own `Serialize` says so, field by field.

use std::collections::BTreeMap;

use serde::ser::{self, Serialize};

/// Fields by kind of record, by the part that they are in and by their name; whether a line has a value there.
pub(super) type Fields = BTreeMap<(&'static str, String, &'static str), bool>;

/// What says which variant of an enum a part is, as the first of its fields.
const TAGS: [&str; 10] = [
    "record", "by", "verdict", "kind", "type", "result", "purpose", "status", "standing", "cause",
];

/// Adds the fields of a record that may be left out: those that are, and those that this one has.
pub(super) fn add<T: Serialize>(kind: &'static str, record: &T, fields: &mut Fields) {
    let looked = Look { kind, fields };
    record.serialize(looked).expect("looking at it cannot fail");
}

/// One value; what is known of it afterwards.
struct Look<'a> {
    kind: &'static str,
    fields: &'a mut Fields,
}

/// What a value turned out to be.
pub(super) enum Seen {
    Nothing,
    Something,
    /// The name of a variant.
    Word(String),
}

#[derive(Debug)]
pub(super) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: std::fmt::Display>(words: T) -> Self {
        unreachable!("{words}")
    }
}

type Done = Result<Seen, Never>;

/// A list, a map or the fields of a part.
pub(super) struct Parts<'a> {
    look: Look<'a>,
    part: String,
    first: bool,
}

impl Parts<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        let (kind, fields) = (self.look.kind, &mut *self.look.fields);
        value.serialize(Look { kind, fields })
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Never> {
        let seen = self.value(value)?;
        match seen {
            Seen::Word(word) if std::mem::take(&mut self.first) && TAGS.contains(&name) => {
                self.part = format!("{} {word}", self.part);
            }
            Seen::Nothing => self.left_out(name),
            Seen::Word(_) | Seen::Something => {
                let key = (self.look.kind, self.part.clone(), name);
                self.look.fields.insert(key, true);
            }
        }
        self.first = false;
        Ok(())
    }

    fn left_out(&mut self, name: &'static str) {
        let key = (self.look.kind, self.part.clone(), name);
        self.look.fields.entry(key).or_insert(false);
    }
}

macro_rules! something {
    ($($name:ident: $of:ty),*) => {
        $(fn $name(self, _: $of) -> Done { Ok(Seen::Something) })*
    };
}

impl<'a> ser::Serializer for Look<'a> {
    type Ok = Seen;
    type Error = Never;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    something!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    );

    fn serialize_str(self, text: &str) -> Done {
        Ok(Seen::Word(text.to_owned()))
    }

    fn serialize_none(self) -> Done {
        Ok(Seen::Nothing)
    }

    fn serialize_unit(self) -> Done {
        Ok(Seen::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self).map(|_| Seen::Something)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Done {
        Ok(Seen::Something)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        value.serialize(self).map(|_| Seen::Something)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Never> {
        self.serialize_struct("", 0)
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Never> {
        self.serialize_struct("", 0)
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Never> {
        self.serialize_struct(name, 0)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Never> {
        self.serialize_struct(name, 0)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Never> {
        self.serialize_struct("", 0)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Never> {
        Ok(Parts {
            look: self,
            part: name.to_owned(),
            first: true,
        })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Never> {
        let part = format!("{name} {variant}");
        Ok(Parts {
            look: self,
            part,
            first: false,
        })
    }
}

macro_rules! listed {
    ($($of:ident: $add:ident),*) => {
        $(impl ser::$of for Parts<'_> {
            type Ok = Seen;
            type Error = Never;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.value(value).map(drop)
            }

            fn end(self) -> Done {
                Ok(Seen::Something)
            }
        })*
    };
}

listed!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

impl ser::SerializeMap for Parts<'_> {
    type Ok = Seen;
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.value(value).map(drop)
    }

    fn end(self) -> Done {
        Ok(Seen::Something)
    }
}

macro_rules! fields {
    ($($of:ident),*) => {
        $(impl ser::$of for Parts<'_> {
            type Ok = Seen;
            type Error = Never;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Never> {
                self.field(name, value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Never> {
                self.left_out(name);
                Ok(())
            }

            fn end(self) -> Done {
                Ok(Seen::Something)
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);
