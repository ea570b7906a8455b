//! Entities that XML and YAML documents map to tables: Doctrine and Hibernate.
//! <https://www.doctrine-project.org/projects/doctrine-orm/en/stable/reference/xml-mapping.html>,
//! <https://docs.jboss.org/hibernate/orm/5.6/userguide/html_single/#appendix-legacy-schema>.

use super::Field;
use super::element::{self, Element};

/// An entity with its table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The class, without its namespace.
    pub entity: String,
    /// The table, where it is named.
    pub table: Option<String>,
    /// Its columns.
    pub fields: Vec<Field>,
    /// Where it stands, in bytes.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
}

/// The words for entities, and for what maps a member to a column.
const ENTITIES: [&str; 6] = [
    "entity",
    "mapped-superclass",
    "embeddable",
    "class",
    "subclass",
    "joined-subclass",
];
const FIELDS: [&str; 2] = ["field", "property"];
const IDS: [&str; 2] = ["id", "field-id"];

/// The entities of a document that its name says to be a mapping.
pub fn read_mapping(path: &str, text: &str) -> Vec<Mapping> {
    let ends = |list: &[&str]| list.iter().any(|end| path.ends_with(end));
    let mut found = Vec::new();
    if ends(&[".orm.xml", ".dcm.xml", ".hbm.xml"]) {
        if let Some(root) = element::xml(text) {
            entities(&root, &mut found);
        }
    } else if ends(&[".orm.yml", ".orm.yaml", ".dcm.yml", ".dcm.yaml"])
        && let Some(root) = element::yaml(text)
    {
        found.extend(root.children.iter().map(listed));
    }
    found.retain(|one| !one.fields.is_empty());
    found
}

fn last(name: &str) -> String {
    name.rsplit(['\\', '.']).next().unwrap_or(name).to_owned()
}

fn entities(root: &Element, found: &mut Vec<Mapping>) {
    for child in &root.children {
        if ENTITIES.contains(&child.name.as_str()) {
            let own = child.children.iter();
            let is_field = |one: &&Element| {
                FIELDS.contains(&one.name.as_str()) || IDS.contains(&one.name.as_str())
            };
            found.push(Mapping {
                entity: last(child.get("name").unwrap_or_default()),
                table: child.get("table").map(str::to_owned),
                fields: own.filter(is_field).filter_map(member).collect(),
                start: child.start,
                end: child.end,
            });
        }
        entities(child, found);
    }
}

fn member(element: &Element) -> Option<Field> {
    let column = element.child("column");
    let get = |name: &str| element.get(name).or_else(|| column?.get(name));
    let nullable = match (get("nullable"), get("not-null")) {
        (Some(nullable), _) => nullable == "true",
        (None, Some(not_null)) => not_null != "true",
        (None, None) => false,
    };
    Some(Field {
        name: element.get("name")?.to_owned(),
        column: element
            .attributes
            .get("column")
            .cloned()
            .or_else(|| column?.get("name").map(str::to_owned)),
        ty: get("type").map(str::to_owned),
        nullable,
        unique: get("unique") == Some("true"),
        primary_key: IDS.contains(&element.name.as_str()),
        ..Field::default()
    })
}

/// `App\\Entity\\User: { table: users, fields: { email: { type: string } } }`
fn listed(entity: &Element) -> Mapping {
    let mut fields = Vec::new();
    for (list, primary_key) in [("id", true), ("fields", false)] {
        let list = entity.child(list);
        for one in list.map(|list| &list.children).into_iter().flatten() {
            fields.push(Field {
                name: one.name.clone(),
                column: one.get("column").map(str::to_owned),
                ty: one.get("type").map(str::to_owned),
                nullable: one.is("nullable"),
                unique: one.is("unique"),
                primary_key,
                ..Field::default()
            });
        }
    }
    Mapping {
        entity: last(&entity.name),
        table: entity.get("table").map(str::to_owned),
        fields,
        start: entity.start,
        end: entity.end,
    }
}
