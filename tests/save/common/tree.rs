//! JSON with its keys in order, and as often as they come.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Builder;
        impl<'de> Visitor<'de> for Builder {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, v: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(format!("{v}")))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(format!("{v}")))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(format!("{v}")))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf(format!("{v:?}")))
            }
            fn visit_str<E>(self, v: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(format!("{v:?}")))
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf("null".into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Tree::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut object = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    object.push(pair);
                }
                Ok(Tree::Object(object))
            }
        }
        deserializer.deserialize_any(Builder)
    }
}

/// Whether `theirs` is `ours`, but for braces that it repeats after the pair whose header they belong to.
pub fn same_but_for_headers(ours: &Tree, theirs: &Tree) -> bool {
    match (ours, theirs) {
        (Tree::Object(a), Tree::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_but_for_headers(&a.1, &b.1))
        }
        (Tree::List(a), Tree::List(b)) => {
            let mut ours = a.iter().peekable();
            for (index, item) in b.iter().enumerate() {
                if ours.peek().is_some_and(|next| same_but_for_headers(next, item)) {
                    ours.next();
                } else if index == 0 || !ends_in(&b[index - 1], item) {
                    return false;
                }
            }
            ours.next().is_none()
        }
        (a, b) => a == b,
    }
}

/// Whether `item` is what is left of `tree` without the keys around it.
fn ends_in(tree: &Tree, item: &Tree) -> bool {
    match tree {
        Tree::Object(pairs) if pairs.len() == 1 => pairs[0].1 == *item || ends_in(&pairs[0].1, item),
        _ => false,
    }
}
