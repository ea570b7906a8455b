//! Prisma schema files. The format is line-oriented (one field or block attribute a line, which
//! `prisma format` also writes); attributes that run over several lines are joined by their
//! parentheses. <https://www.prisma.io/docs/orm/reference/prisma-schema-reference>

use std::collections::BTreeSet;

use super::{Field, Lines, Problem, Span, collapse};

/// What a Prisma schema file states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrismaSchema {
    /// `model`, `view` and `type` blocks in source order.
    pub models: Vec<Model>,
    /// `enum` blocks in source order.
    pub enums: Vec<Enum>,
    /// Lines that were not understood.
    pub problems: Vec<Problem>,
}

/// A `model`, `view` or composite `type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Name in the code.
    pub name: String,
    /// The table's name, the model's own where no `@@map` says otherwise.
    pub table: String,
    /// Fields without relations, in source order.
    pub fields: Vec<Field>,
    /// Relation fields, whose type is another model and which have no column.
    pub relations: Vec<Field>,
    /// Which kind of block it is.
    pub kind: ModelKind,
    /// Whether the client leaves it out (`@@ignore`).
    pub ignored: bool,
    /// The block.
    pub span: Span,
}

/// The kinds of block that hold fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelKind {
    /// A table or collection.
    #[default]
    Model,
    /// A view.
    View,
    /// A part of a document (MongoDB), without identity of its own.
    Type,
}

/// An `enum`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enum {
    /// Name.
    pub name: String,
    /// Values in source order.
    pub values: Vec<String>,
    /// The block.
    pub span: Span,
}

/// Reads a Prisma schema file; one of several in a multi-file schema stands for itself, so that a
/// field whose type another file declares counts as a relation unless it carries an own column.
pub fn read_prisma(text: &str) -> PrismaSchema {
    let lines = Lines::new(text);
    let mut out = PrismaSchema::default();
    let mut block = Block::None;
    for (start, line) in logical_lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let end = start + line.len();
        let problem = || Problem {
            line: lines.line(start),
            message: "Prisma: line not understood".to_owned(),
        };
        match (&mut block, words.as_slice()) {
            (_, []) => {}
            (Block::None, [kind, name, "{", ..] | [kind, name])
                if name.len() > 1 || words.len() > 2 =>
            {
                let name = name.trim_end_matches('{').to_owned();
                let span = lines.span(start, end);
                block = match *kind {
                    "model" => model(name, ModelKind::Model, span),
                    "view" => model(name, ModelKind::View, span),
                    "type" => model(name, ModelKind::Type, span),
                    "enum" => Block::Enum(Enum {
                        name,
                        values: Vec::new(),
                        span,
                    }),
                    "datasource" | "generator" => Block::Other,
                    _ => {
                        out.problems.push(problem());
                        Block::Other
                    }
                };
                if line.trim_end().ends_with('}') {
                    close(&mut block, end, &mut out);
                }
            }
            (Block::None, _) => out.problems.push(problem()),
            (_, ["}", ..]) => close(&mut block, end, &mut out),
            (Block::Other, _) => {}
            (Block::Enum(values), [name, ..]) => {
                if !name.starts_with("@@") {
                    values.values.push((*name).to_owned());
                }
            }
            (Block::Model(model), [first, ..]) if first.starts_with("@@") => {
                block_attribute(model, line)
            }
            (Block::Model(model), _) => match field(line, lines.span(start, end)) {
                Some(field) => model.fields.push(field),
                None => out.problems.push(problem()),
            },
        }
    }
    if !matches!(block, Block::None) {
        out.problems.push(Problem {
            line: lines.line(text.len()),
            message: "Prisma: block not closed".to_owned(),
        });
        close(&mut block, text.len(), &mut out);
    }
    part_relations(&mut out);
    out
}

enum Block {
    None,
    Model(Model),
    Enum(Enum),
    Other,
}

fn model(name: String, kind: ModelKind, span: Span) -> Block {
    Block::Model(Model {
        table: name.clone(),
        name,
        kind,
        span,
        ..Model::default()
    })
}

fn close(block: &mut Block, end: usize, out: &mut PrismaSchema) {
    match std::mem::replace(block, Block::None) {
        Block::Model(mut model) => {
            model.span.end = end;
            out.models.push(model);
        }
        Block::Enum(mut values) => {
            values.span.end = end;
            out.enums.push(values);
        }
        Block::None | Block::Other => {}
    }
}

/// Lines without comments and outer white space; parentheses and brackets join lines.
fn logical_lines(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let (mut start, mut depth, mut quoted, mut at) = (0usize, 0usize, false, 0usize);
    let mut comment = None;
    while at <= bytes.len() {
        let byte = bytes.get(at).copied();
        match byte {
            None | Some(b'\n') if depth == 0 || byte.is_none() => {
                let line = &text[start..comment.unwrap_or(at)];
                let lead = line.len() - line.trim_start().len();
                out.push((start + lead, line.trim()));
                (start, quoted, comment, depth) = (at + 1, false, None, 0);
            }
            // A comment within an attribute over several lines stays; it hides nothing that is read.
            Some(b'\n') => (quoted, comment) = (false, None),
            _ if comment.is_some() => {}
            Some(b'\\') if quoted => at += 1,
            Some(b'"') => quoted = !quoted,
            _ if quoted => {}
            Some(b'/') if bytes.get(at + 1) == Some(&b'/') => comment = Some(at),
            Some(b'(') => depth += 1,
            Some(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    out
}

fn field(line: &str, span: Span) -> Option<Field> {
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let end = type_end(rest);
    let (ty, attributes) = rest.split_at(end);
    let list = ty.ends_with("[]");
    let nullable = ty.ends_with('?');
    let bare = ty.trim_end_matches("[]").trim_end_matches('?');
    let valid = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let unsupported = bare.starts_with("Unsupported(");
    if !valid(name) || !(valid(bare) || unsupported) {
        return None;
    }
    Some(Field {
        name: name.to_owned(),
        column: argument(attributes, "@map").map(text_of),
        ty: Some(bare.to_owned()),
        nullable,
        default: argument(attributes, "@default").map(collapse),
        primary_key: has(attributes, "@id"),
        unique: has(attributes, "@unique"),
        // The argument for now; see `part_relations`.
        references: argument(attributes, "@relation").map(str::to_owned),
        list,
        span,
        ..Field::default()
    })
}

/// Where the type ends: at white space or `@` outside its parentheses.
fn type_end(rest: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && (c.is_whitespace() || c == '@') => return at,
            _ => {}
        }
    }
    rest.len()
}

/// Where an attribute stands outside strings; what follows its name.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && c == '@' && !text[..at].ends_with('@') && text[at..].starts_with(name)
        {
            let rest = &text[at + name.len()..];
            if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
                return Some(rest);
            }
        }
    }
    None
}

fn has(text: &str, name: &str) -> bool {
    attribute(text, name).is_some()
}

/// What stands in the attribute's parentheses.
fn argument<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = attribute(text, name)?.trim_start().strip_prefix('(')?;
    let (mut depth, mut quoted) = (1usize, false);
    for (at, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(rest[..at].trim());
                }
            }
            _ => {}
        }
    }
    Some(rest.trim())
}

/// `"x"` and `name: "x"` → `x`.
fn text_of(argument: &str) -> String {
    argument.split('"').nth(1).unwrap_or(argument).to_owned()
}

fn block_attribute(model: &mut Model, line: &str) {
    let line = &line[1..];
    if let Some(table) = argument(line, "@map") {
        model.table = text_of(table);
    }
    model.ignored |= has(line, "@ignore");
    let key = argument(line, "@id");
    if let Some(columns) = key.or_else(|| argument(line, "@unique")) {
        let inside = columns
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'))
            .map_or("", |(inside, _)| inside);
        let names: Vec<&str> = inside
            .split(',')
            .map(|name| name.split('(').next().unwrap_or_default().trim())
            .collect();
        for field in model
            .fields
            .iter_mut()
            .filter(|field| names.contains(&field.name.as_str()))
        {
            field.primary_key |= key.is_some();
            field.unique |= key.is_none() && names.len() == 1;
        }
    }
}

/// Moves the fields whose type is a model to the relations and points their columns at it.
fn part_relations(schema: &mut PrismaSchema) {
    let tables = schema
        .models
        .iter()
        .filter(|model| model.kind != ModelKind::Type);
    let names: BTreeSet<String> = tables.map(|model| model.name.clone()).collect();
    for model in &mut schema.models {
        let is_relation = |field: &Field| {
            field.references.is_some() || field.ty.as_ref().is_some_and(|ty| names.contains(ty))
        };
        let (mut relations, mut fields): (Vec<_>, Vec<_>) = std::mem::take(&mut model.fields)
            .into_iter()
            .partition(is_relation);
        for relation in &mut relations {
            let Some(argument) = relation.references.take() else {
                continue;
            };
            let target = relation.ty.clone().unwrap_or_default();
            for (column, other) in names_of(&argument, "fields")
                .into_iter()
                .zip(names_of(&argument, "references"))
            {
                if let Some(field) = fields.iter_mut().find(|field| field.name == column) {
                    field.references = Some(format!("{target}({other})"));
                }
            }
            relation.references = Some(target);
        }
        (model.relations, model.fields) = (relations, fields);
    }
}

/// `fields: [a, b]` → a, b.
fn names_of<'a>(argument: &'a str, key: &str) -> Vec<&'a str> {
    let inside = argument.split_once(key).and_then(|(_, rest)| {
        rest.trim_start()
            .strip_prefix(':')?
            .trim_start()
            .strip_prefix('[')
    });
    let inside = inside
        .and_then(|rest| rest.split_once(']'))
        .map_or("", |(inside, _)| inside);
    inside
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}
