//! Rule files: what a framework or a library looks like, as data.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use serde::Deserialize;

use crate::error::RuleError;
use crate::fact::FactKind;
use crate::lazy::{LazyGlobs, LazyRegex};

/// One value or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

fn many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Which argument.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum ArgAt {
    /// By position, from 0; negative counts from the end.
    Position(i32),
    /// By name.
    Name(String),
}

/// Takes a value out of what a pattern matched. Fields combine: `arg` picks an argument,
/// `key` looks into it, `upper` changes what came out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selector {
    /// An argument of the call.
    pub(crate) arg: Option<ArgAt>,
    /// The same argument by its name.
    pub(crate) name: Option<String>,
    /// All arguments from this position up to `until` (exclusive, negative from the end).
    pub(crate) from: Option<usize>,
    pub(crate) until: Option<i32>,
    /// A key of a map.
    pub(crate) key: Option<String>,
    /// The last name of the callee.
    #[serde(default)]
    pub(crate) callee: bool,
    /// The receiver of the call.
    #[serde(default)]
    pub(crate) receiver: bool,
    /// The value of the assignment, the decorated thing.
    #[serde(default)]
    pub(crate) value: bool,
    /// The name of the function that is decorated.
    #[serde(default)]
    pub(crate) decorated: bool,
    /// Looks at the call that made the receiver instead: `op.batch_alter_table("users")`.
    #[serde(default)]
    pub(crate) maker: bool,
    /// The first call of a chain: `text("x")` in `text("x").notNull()`.
    #[serde(default)]
    pub(crate) root: bool,
    /// Gives `true` when the chain has a call of one of these names.
    #[serde(default, deserialize_with = "many")]
    pub(crate) chain: Vec<String>,
    /// Looks at the call of this name earlier in the chain instead: `prefix("x")` in
    /// `prefix("x").group(f)`.
    pub(crate) before: Option<String>,
    /// Looks at the innermost call of this name in whose arguments the match stands instead:
    /// `entity("users")` around `entity("users", e => e.property("email"))`.
    pub(crate) around: Option<String>,
    /// Of a function that gives a member of what it is handed, the member's name: `Email` of
    /// `u => u.Email`.
    #[serde(default)]
    pub(crate) member: bool,
    /// The type argument of what the chain begins with, where that is a parameter of this type: `User`
    /// of `builder.Property(…)` with `Builder<User> builder`.
    pub(crate) typed: Option<String>,
    /// The key or the value of the first pair of a map: `get "path" => "handler"`.
    pub(crate) pair: Option<PairPart>,
    /// Looks at another decorator of the same declaration instead: `@Path` beside `@GET`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) beside: Vec<String>,
    /// Of a call that is picked: this argument of it.
    pub(crate) inner: Option<i32>,
    /// Of a type: the path that such a decorator of its class holds, behind those of the classes
    /// around.
    #[serde(default, deserialize_with = "many")]
    pub(crate) marked_by: Vec<String>,
    /// Of a class: the place of its file below the folder of this name, without its extensions.
    pub(crate) below: Option<String>,
    /// A folder whose folders group several of such folders: `Areas/Shop/Pages`.
    pub(crate) group: Option<String>,
    /// Looks at the call of this name further along the chain instead: `.only("index")`.
    pub(crate) after: Option<String>,
    /// Takes the text apart at this mark: `GET,POST`.
    pub(crate) split: Option<String>,
    /// Only this one of the parts; negative counts from the end.
    pub(crate) part: Option<i32>,
    /// A fixed text.
    pub(crate) text: Option<String>,
    /// Not when the text is one of these.
    #[serde(default)]
    pub(crate) unless: Vec<String>,
    /// Only when the text is one of these.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// Another word for some texts; a key may hold `*`, an exact key comes first.
    #[serde(default)]
    pub(crate) map: BTreeMap<String, String>,
    /// Only what is written down: texts, numbers and truth values, also through constants, but
    /// no name of something that is computed.
    #[serde(default)]
    pub(crate) literal: bool,
    /// The first text only.
    #[serde(default)]
    pub(crate) first: bool,
    /// Only the last expression of those that are picked.
    #[serde(default)]
    pub(crate) last: bool,
    /// A type argument of the callee, or of the type that the callee is another name of:
    /// `Sha256` in `Hmac<Sha256>`.
    pub(crate) index: Option<usize>,
    /// Only where one of the names around is like one of these; see [`crate::names`].
    #[serde(default, deserialize_with = "many")]
    pub(crate) named: Vec<String>,
    /// In capitals.
    #[serde(default)]
    pub(crate) upper: bool,
    /// Where the value comes from: `constant`, `random` or `derived`; see [`crate::crypto`].
    #[serde(default)]
    pub(crate) origin: bool,
    /// Gives `true` where the function lets everything through: `() => true`.
    #[serde(default)]
    pub(crate) accepts: bool,
}

/// A part of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PairPart {
    Key,
    Value,
}

/// A condition on an argument.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constraint {
    #[serde(flatten)]
    pub(crate) at: Position,
    /// The argument is this text, number or truth value.
    pub(crate) is: Option<toml::Value>,
    /// It matches one of these (braces and `*` allowed).
    #[serde(default, deserialize_with = "many")]
    pub(crate) like: Vec<String>,
    /// None of its words matches one of these.
    #[serde(default, deserialize_with = "many")]
    pub(crate) unlike: Vec<String>,
    /// A text or name inside it matches one of these: `/login` in `new URL("/login", base)`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) holds: Vec<String>,
    /// It is present, or not.
    pub(crate) present: Option<bool>,
    /// One of the names around is like one of these; see [`crate::names`].
    #[serde(default, deserialize_with = "many")]
    pub(crate) named: Vec<String>,
}

/// The place a [`Constraint`] speaks of.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Position {
    pub(crate) arg: Option<ArgAt>,
    pub(crate) name: Option<String>,
    /// Any argument from this position on.
    pub(crate) from: Option<usize>,
    pub(crate) key: Option<String>,
    /// A type argument.
    pub(crate) index: Option<usize>,
    /// Of a call that is picked: this argument of it.
    pub(crate) inner: Option<i32>,
    #[serde(default)]
    pub(crate) callee: bool,
    #[serde(default)]
    pub(crate) value: bool,
    #[serde(default)]
    pub(crate) receiver: bool,
    /// The first call of a chain.
    #[serde(default)]
    pub(crate) root: bool,
    /// The call that made the receiver is meant.
    #[serde(default)]
    pub(crate) maker: bool,
    /// It is a function that lets everything through.
    #[serde(default)]
    pub(crate) accepts: bool,
    /// Where it comes from.
    #[serde(default)]
    pub(crate) origin: bool,
    /// Another decorator of the same declaration.
    #[serde(default, deserialize_with = "many")]
    pub(crate) beside: Vec<String>,
    /// The calls of this name earlier or further along the chain.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// What a rule contributes to linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Link {
    /// Makes something that routes hang on.
    Router,
    /// A route on a router, or on its own in a list.
    Route,
    /// A router under another.
    Mount,
    /// A guard on a router.
    Guard,
    /// A known guard by its name, wherever it hangs.
    GuardName,
    /// A name that is known not to be a guard.
    NotGuard,
    /// Takes the guards around away.
    Exempt,
    /// A class whose methods answer requests.
    View,
    /// Turns a class into a handler: `View.as_view()`.
    Handler,
    /// Ends a request because the caller may not: `abort(403)`.
    Denial,
    /// Says that a caller was turned away: a condition that holds an error against it only hands
    /// on what was decided elsewhere.
    Translated,
    /// A check of the caller inside a handler.
    Check,
    /// Serves what a protocol knows by name: `GreeterServer::with_interceptor(s, f)`.
    Service,
    /// A part of a description of requests: `path("users").and(get())`.
    Filter,
    /// Reads or changes records by conditions: `filter(owner=request.user)`.
    Lookup,
    /// An argument of a lookup that says what is written: `data`, `defaults`.
    LookupData,
    /// A function that reads or changes one record, by its name: what its own lookup is limited
    /// to, its callers ask.
    LookupFunction,
    /// A value that stands for the caller: `request.user.id`.
    Caller,
    /// A column that says whose a record is: `owner_id`.
    Owner,
    /// A member that says what somebody may: `role`, `is_admin`.
    Authority,
    /// A handler through which callers come in: `login`.
    Entry,
    /// A header, cookie or parameter that shows who calls: `Authorization`.
    Credential,
    /// A parameter of a path that is a secret: `{token}`.
    Capability,
    /// Asks what a text begins with: `strings.HasPrefix`.
    Beginning,
    /// A prefix for everything.
    Prefix,
    /// Versions in paths: how they are written, or which one something has.
    Version,
    /// Puts something onto a router under a name: `app.decorate("authenticate", f)`.
    Attach,
    /// Reads or writes what a decorator says of a handler: `SetMetadata("roles", …)`.
    Metadata,
    /// A call that stands for a value that is written in it: `os.getenv("PREFIX", "")`.
    Value,
    /// A parameter of the request: in a handler's signature, or read in its body.
    Parameter,
    /// A call that puts names into a text: `format!("{base}/users")`.
    Format,
    /// A name that stands for an assignment in a file of settings: `settings.BASE_PATH`.
    Setting,
    /// A name that a setting outside of the code turns on or off: `Rails.env`.
    Switch,
    /// Routes by a table of actions: `resources :users`.
    Resource,
    /// Routes that others take over by name.
    Concern,
    /// Names that stand for guards.
    Alias,
    /// A decorator that says that a function answers no requests.
    NotRoute,
    /// Says who may call the paths that it names: `requestMatchers("/admin/**").hasRole("ADMIN")`.
    PathRule,
    /// Limits the path rules of the same function to these paths.
    PathScope,
    /// The place of a function's or class's path rules among all: the lowest number comes first.
    PathOrder,
    /// How names are written that stand in the place of words in paths.
    TokenStyle,
    /// Starts an application; path rules of one do not reach the endpoints of another.
    Application,
    /// A guard of the paths that it names, beside other guards: `apply(f).forRoutes("users")`.
    PathGuard,
    /// What stands for the path of the request: `pathname`.
    RequestPath,
    /// Says what answers the routes of a router that only promises them.
    Implementation,
    /// What a request must look like: `z.object({ name: z.string() })`.
    Shape,
    /// A value that a request brings, where it is no parameter of an endpoint's own.
    Source,
    /// Makes a value harmless, or asks whether it is; of types those that are.
    Sanitizer,
    /// Its result holds what it is handed: `os.path.join(a, b)`.
    Carrier,
    /// Names of methods that a framework calls: what they do to a value is done while their class
    /// stays.
    Hook,
    /// Lets more through a sanitiser: `policy.AllowElements("iframe")`.
    Allowance,
    /// What a value is judged by: the folder that a path lies in, the host of an address. With
    /// `asks` a call that compares such a thing.
    Aspect,
    /// Says what a field or parameter may hold: a pattern, a greatest length.
    Constraint,
}

/// Which routes a guard on a router reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Applies {
    /// All of the router.
    #[default]
    All,
    /// Those that are registered after it.
    After,
    /// Those that are registered before it.
    Before,
}

/// What a guard protects with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GuardKind {
    Authentication,
    Authorization,
    Csrf,
    RateLimit,
}

/// What is decorated, or what a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum On {
    Function,
    Class,
}

/// How a data model's fields are found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRule {
    /// A field is an assignment of such a call.
    #[serde(default, deserialize_with = "many")]
    pub(crate) call: Vec<String>,
    /// A field is a member with a type.
    #[serde(default)]
    pub(crate) typed: bool,
    /// A field carries such a decorator.
    #[serde(default, deserialize_with = "many")]
    pub(crate) decorator: Vec<String>,
    /// A field is a key of this map argument of the call.
    pub(crate) keys_of: Option<ArgAt>,
    /// A map without the type's key is a group of fields: `address.city`.
    #[serde(default)]
    pub(crate) nested: bool,
    /// A field is such a call inside this function argument: `(table) => { table.text("x") }`.
    pub(crate) built_by: Option<ArgAt>,
    /// Each of these expressions is a field: a call of [`Self::call`], or a name and such a call.
    #[serde(default, deserialize_with = "many")]
    pub(crate) items: Vec<Selector>,
    /// Where an item's name stands.
    #[serde(default, deserialize_with = "many")]
    pub(crate) name: Vec<Selector>,
    /// Members that list further fields by name: `Meta.fields`.
    #[serde(default)]
    pub(crate) listed: Vec<String>,
    /// Calls in the class that list further fields by name: `attributes :id, :email`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) listed_by: Vec<String>,
    /// Of a map of fields, the key below which they stand: `properties` of a schema.
    pub(crate) inside: Option<String>,
    /// Members that are maps of fields: `$casts = ['ssn' => 'encrypted']`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) listed_in: Vec<String>,
    /// A name that stands for all fields where fields are listed: `__all__`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) everything: Vec<String>,
    /// Names of classes that are no models: `*Config`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) not_class: Vec<String>,
    /// Names of classes that callers hand in: `*Request`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) request: Vec<String>,
    /// Names of classes that callers get: `*Response`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) response: Vec<String>,
    /// Functions of the class whose result is a map of fields: `to_dict`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) returned_by: Vec<String>,
    /// Functions of the class are fields of their result's type.
    #[serde(default)]
    pub(crate) methods: bool,
    /// What is held against [`Self::encrypted`] beside the type: `{ name = "converter" }`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) encrypted_at: Vec<Selector>,
    /// Calls behind a field's that say that the column is there already: `change`, `alter`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) altered_by: Vec<String>,
    /// Types of the only fields that count.
    #[serde(default, deserialize_with = "many")]
    pub(crate) only_type: Vec<String>,
    /// Words that must stand before a member: `public`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) marked: Vec<String>,
    /// Words before members that are no fields: `static`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) not_marked: Vec<String>,
    /// Calls whose result is no field: `relationship`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) not_call: Vec<String>,
    /// Written types of members that are no fields: `ClassVar*`.
    #[serde(default)]
    pub(crate) not_type: Vec<String>,
    /// Written types whose inner part counts: `Mapped[*]`.
    #[serde(default)]
    pub(crate) wrapper: Vec<String>,
    /// Written types that may hold nothing: `Optional[*]`.
    #[serde(default)]
    pub(crate) optional: Vec<String>,
    /// Where the type stands.
    #[serde(default, rename = "type", deserialize_with = "many")]
    pub(crate) ty: Vec<Selector>,
    /// Further attributes.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, OneOrManySelector>,
    /// Types that say that the value is encrypted or hashed.
    #[serde(default)]
    pub(crate) encrypted: Vec<String>,
    /// Names that are no fields.
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

/// How the place of a file becomes a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folder {
    /// The path starts behind the first folder of such a name: `app`, `server/api`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) after: Vec<String>,
    /// What stands before every path.
    pub(crate) prefix: Option<String>,
    /// Characters that part a name into segments: `.`.
    pub(crate) parts: Option<String>,
    /// Last names that add nothing: `route`, `index`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) index: Vec<String>,
    /// Segments that add nothing: `(*)`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) drop: Vec<String>,
    /// Segments in whose files no routes are: `_*`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) skip: Vec<String>,
    /// Segments that are parameters, `*` standing for the name: `[*]`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) params: Vec<String>,
    /// Segments that are the text in the place of `*`, whatever it looks like: `[*]`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) literal: Vec<String>,
    /// The name may end in a method: `users.get`.
    #[serde(default)]
    pub(crate) methods: bool,
}

/// One rule. Which fields go together is checked when the file is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    // --- what it looks for: exactly one
    #[serde(default, deserialize_with = "many")]
    pub(crate) call: Vec<String>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) decorator: Vec<String>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) class: Vec<String>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) assign: Vec<String>,
    /// A reference by name: `hashlib.md5` handed on without a call, a constant, a type.
    #[serde(default, deserialize_with = "many")]
    pub(crate) mention: Vec<String>,
    /// A call as a parameter's default or inside its type: `Depends(x)`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) parameter: Vec<String>,
    /// A class of which a member carries such a decorator.
    #[serde(default, deserialize_with = "many")]
    pub(crate) member: Vec<String>,
    /// A class of such a name, where the name says what it is for: `*Dto`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) called: Vec<String>,
    /// A class of which some class has a member of such a type: `DbSet<User>`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) collected: Vec<String>,
    /// A map with these keys and values.
    #[serde(default)]
    pub(crate) has: BTreeMap<String, String>,
    /// A function that a class declares which is a router.
    #[serde(default, deserialize_with = "many")]
    pub(crate) method: Vec<String>,
    /// The names of such classes.
    #[serde(default, deserialize_with = "many")]
    pub(crate) of: Vec<String>,
    /// Names that a file hands out, each with the method that it answers: `GET`, `default`.
    #[serde(default)]
    pub(crate) exports: BTreeMap<String, String>,
    /// Keys of a document below which what matches stands: `security/access_control`, `*`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) document: Vec<String>,
    /// The paths of a path rule are regular expressions.
    #[serde(default)]
    pub(crate) regular: bool,
    /// Functions that begin with this text, and what a file hands out that begins with it.
    pub(crate) directive: Option<String>,
    /// What the file hands out under this name is the argument: `config` beside `middleware`.
    pub(crate) argument: Option<String>,
    /// How the place of a file becomes a path.
    pub(crate) folder: Option<Folder>,
    /// A folder each of whose files is mounted.
    #[serde(default, deserialize_with = "many")]
    pub(crate) within: Vec<Selector>,
    /// A map whose keys are the names of the routes and routers below.
    #[serde(default, deserialize_with = "many")]
    pub(crate) keyed: Vec<Selector>,
    /// Names that parameters of functions have which are such a router, where no type says so.
    #[serde(default, deserialize_with = "many")]
    pub(crate) parameters: Vec<String>,
    /// Such a parameter serves requests by itself, also where nobody hands it in.
    #[serde(default)]
    pub(crate) serves: bool,
    /// Names only, for `guard-name`, `not-guard`, `exempt`, `denial`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) names: Vec<String>,
    /// What the decorator is on.
    pub(crate) on: Option<On>,
    /// Only in files whose path matches.
    #[serde(default, deserialize_with = "many")]
    pub(crate) files: Vec<String>,
    /// Only in a repository that imports the framework.
    #[serde(default)]
    pub(crate) imported: bool,
    /// Only when all hold.
    #[serde(default, rename = "where")]
    pub(crate) constraints: Vec<Constraint>,
    // --- what it means: one of the two
    pub(crate) link: Option<Link>,
    pub(crate) fact: Option<FactKind>,
    // --- parts of a link
    #[serde(default, deserialize_with = "many")]
    pub(crate) path: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) methods: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) handler: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) guards: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) child: Vec<Selector>,
    /// Of a service: how its name stands in that of what serves it: `{}Server`.
    pub(crate) served_as: Option<String>,
    /// Of a filter: another one that must hold as well.
    #[serde(default, deserialize_with = "many")]
    pub(crate) all: Vec<Selector>,
    /// Of a filter: another one that may hold instead.
    #[serde(default, deserialize_with = "many")]
    pub(crate) either: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) entries: Vec<Selector>,
    /// Where a parameter of the request is: `query`, `body`, `form`, `header`, `cookie`.
    pub(crate) place: Option<String>,
    /// The name of a parameter, where it is not that of the handler's.
    #[serde(default, deserialize_with = "many")]
    pub(crate) named: Vec<Selector>,
    /// What a request must look like, whose fields are parameters.
    #[serde(default, deserialize_with = "many")]
    pub(crate) shape: Vec<Selector>,
    /// Where something is found, the parameter need not be given.
    #[serde(default, deserialize_with = "many")]
    pub(crate) optional: Vec<Selector>,
    /// Words that say what a field may hold, where a constraint names them: `max`, `format`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) demands: Vec<String>,
    /// The parameters of the handler are those of the request.
    #[serde(default)]
    pub(crate) plain_parameters: bool,
    /// What the call stands for.
    #[serde(default, deserialize_with = "many")]
    pub(crate) gives: Vec<Selector>,
    /// The version that stands in the path; an empty one puts nothing there.
    #[serde(default, deserialize_with = "many")]
    pub(crate) version: Vec<Selector>,
    /// Calls through which what is handed in must have come, so that it is what the rule means.
    #[serde(default, deserialize_with = "many")]
    pub(crate) through: Vec<String>,
    /// Calls on what is handed in that name the namespaces whose routes a prefix reaches.
    #[serde(default, deserialize_with = "many")]
    pub(crate) namespaces: Vec<String>,
    /// Calls that read a decorator of the handler: below a condition on one the guard holds only
    /// where it stands, or does not.
    #[serde(default, deserialize_with = "many")]
    pub(crate) reads_decorator: Vec<String>,
    /// Decorators of decorators that bind a guard to what carries them.
    #[serde(default, deserialize_with = "many")]
    pub(crate) binding: Vec<String>,
    /// Of a check by its name: only where what is called turns callers away.
    #[serde(default)]
    pub(crate) denies: bool,
    /// Paths that a prefix for everything leaves out.
    #[serde(default, deserialize_with = "many")]
    pub(crate) except: Vec<Selector>,
    /// A call that puts its arguments together with this mark between them: `path.Join(a, b)`.
    pub(crate) joins: Option<String>,
    /// What a part that is put into a text begins with: `%` of `%s`.
    pub(crate) placeholder: Option<String>,
    /// Types of what answers requests. A function that is handed one and gives one wraps it.
    #[serde(default, deserialize_with = "many")]
    pub(crate) wraps: Vec<String>,
    /// What the function that the call is handed registers hangs below the call.
    #[serde(default)]
    pub(crate) inside_function: bool,
    /// The router has one path, and its routes say none of their own.
    #[serde(default)]
    pub(crate) single: bool,
    /// A router as the handler sees the whole path, so that the route's is no prefix of it.
    #[serde(default)]
    pub(crate) whole: bool,
    /// The router that this one is made on.
    #[serde(default, deserialize_with = "many")]
    pub(crate) parent: Vec<Selector>,
    /// Types of the router, beside the one whose name or function makes it.
    #[serde(default, deserialize_with = "many")]
    pub(crate) types: Vec<String>,
    /// What the router puts behind every path.
    #[serde(default, deserialize_with = "many")]
    pub(crate) tail: Vec<Selector>,
    /// Why nothing is known of the guards where none is seen.
    pub(crate) unknown: Option<String>,
    /// The method where neither the route nor its handler names one.
    pub(crate) default_method: Option<String>,
    /// The actions that the class or a base in the repository defines, and no others.
    #[serde(default)]
    pub(crate) own: bool,
    /// The router is the block of code around the call.
    #[serde(default)]
    pub(crate) scoped: bool,
    /// Functions or files whose routes hang on this.
    #[serde(default, deserialize_with = "many")]
    pub(crate) scope: Vec<Selector>,
    /// The file that a text in `scope` names: `config/routes/{}.rb`.
    pub(crate) file: Option<String>,
    /// A file is a router: its statements are routes.
    #[serde(default)]
    pub(crate) whole_file: bool,
    /// The call stands in a class and speaks of its methods.
    #[serde(default)]
    pub(crate) in_class: bool,
    /// Methods in which such a call may stand too: a constructor.
    #[serde(default)]
    pub(crate) inside: Vec<String>,
    /// The actions that it reaches, and those that it leaves out.
    #[serde(default, deserialize_with = "many")]
    pub(crate) only: Vec<Selector>,
    /// Conditions under which alone a guard holds.
    #[serde(default, deserialize_with = "many")]
    pub(crate) unless: Vec<Selector>,
    /// The class and the method that answer, where they are named on their own.
    #[serde(default, deserialize_with = "many")]
    pub(crate) controller: Vec<Selector>,
    #[serde(default, deserialize_with = "many")]
    pub(crate) action: Vec<Selector>,
    /// The namespace that names of handlers get.
    #[serde(default, deserialize_with = "many")]
    pub(crate) module: Vec<Selector>,
    /// The path of a resource where it is not its name.
    #[serde(default, deserialize_with = "many")]
    pub(crate) segment: Vec<Selector>,
    /// The name of a record's parameter.
    #[serde(default, deserialize_with = "many")]
    pub(crate) key: Vec<Selector>,
    /// A map of other words for those in a resource's paths.
    #[serde(default, deserialize_with = "many")]
    pub(crate) renamed: Vec<Selector>,
    /// A map of other classes for those that an action names before the separator.
    #[serde(default, deserialize_with = "many")]
    pub(crate) controllers: Vec<Selector>,
    /// The parameter of the routes inside a resource: `{single}_id`.
    pub(crate) nested: Option<String>,
    /// Dots in a resource's name nest it.
    #[serde(default)]
    pub(crate) dotted: bool,
    /// The class of a resource is named after many, whatever the resource is.
    #[serde(default)]
    pub(crate) plural_class: bool,
    /// It hangs on the outside of the resource around.
    #[serde(default)]
    pub(crate) around: bool,
    /// Where the first part of a route's path stands, if it is handed in on its own.
    #[serde(default, deserialize_with = "many")]
    pub(crate) base: Vec<Selector>,
    /// What stands in front of the route's path.
    pub(crate) prefix: Option<String>,
    /// The path of a mount is the name of a parameter.
    #[serde(default)]
    pub(crate) braced: bool,
    /// Routes of records inside need no prefix of the resources around.
    #[serde(default, deserialize_with = "many")]
    pub(crate) shallow: Vec<Selector>,
    #[serde(default)]
    pub(crate) shallow_inside: bool,
    /// The router serves requests itself; others wait to be mounted.
    #[serde(default)]
    pub(crate) root: bool,
    /// The router promises routes only; others answer them, or nobody does.
    #[serde(default)]
    pub(crate) promises: bool,
    /// The keys of a map of routes are no part of their paths.
    #[serde(default)]
    pub(crate) pathless: bool,
    /// The argument may be a list; each of its items is one.
    #[serde(default)]
    pub(crate) each: bool,
    /// The mount's prefix stands in place of the child's own.
    #[serde(default)]
    pub(crate) replaces_prefix: bool,
    #[serde(default)]
    pub(crate) applies: Applies,
    /// Of a router class: it also answers the routes that its bases declare, under their prefix
    /// where it has none.
    #[serde(default)]
    pub(crate) inherits: bool,
    // --- parts of a path rule
    /// Stands behind a call of such a name, with only calls of its own names between.
    #[serde(default, deserialize_with = "many")]
    pub(crate) behind: Vec<String>,
    /// Stands in the arguments of a call of such a name.
    #[serde(default, deserialize_with = "many")]
    pub(crate) inside_call: Vec<String>,
    /// Calls whose arguments are path patterns.
    #[serde(default, deserialize_with = "many")]
    pub(crate) matchers: Vec<String>,
    /// Matchers that reach no route of the repository.
    #[serde(default, deserialize_with = "many")]
    pub(crate) elsewhere: Vec<String>,
    /// Names that stand for all paths.
    #[serde(default, deserialize_with = "many")]
    pub(crate) everything: Vec<String>,
    /// Lets everybody in.
    #[serde(default)]
    pub(crate) exempt: bool,
    /// Asked before all others, or after all others of its function.
    #[serde(default)]
    pub(crate) first: bool,
    #[serde(default)]
    pub(crate) last: bool,
    /// Reaches every router of the framework.
    #[serde(default)]
    pub(crate) global: bool,
    /// Holds only where nothing nearer is said.
    #[serde(default)]
    pub(crate) default: bool,
    /// The parameter of the handler's route carries no `/` in front.
    #[serde(default)]
    pub(crate) suffix: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) guard: Option<GuardKind>,
    /// Methods of a class that answer: name to `METHOD` or `METHOD path`.
    #[serde(default)]
    pub(crate) actions: BTreeMap<String, String>,
    /// Words that stand before the declaration, or with `!` do not: `public`, `!static`.
    #[serde(default)]
    pub(crate) marked: Vec<String>,
    /// Beginnings of a path that stand it in place of the class's own: `~/`.
    #[serde(default)]
    pub(crate) absolute: Vec<String>,
    /// A route only where its class says a path.
    #[serde(default)]
    pub(crate) needs_prefix: bool,
    /// Class attributes that hold guards, the nearest wins.
    #[serde(default)]
    pub(crate) guard_attributes: Vec<String>,
    /// Class attributes that limit the methods.
    #[serde(default)]
    pub(crate) method_attributes: Vec<String>,
    /// The names are texts that the code hands on, and no names of the code: `"auth"`.
    #[serde(default)]
    pub(crate) as_text: bool,
    /// The text is a path into what a file returns: `config("app.name")` is `name` of
    /// `config/app.php` by `config/{}.php`.
    pub(crate) into: Option<String>,
    /// Where a denial's condition stands, if it is handed in: `abort_if(condition, 403)`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) condition: Vec<Selector>,
    /// The denial happens where the condition does not hold.
    #[serde(default)]
    pub(crate) negated: bool,
    /// Ends a request also in a file that makes what a user sees.
    #[serde(default)]
    pub(crate) server: bool,
    /// What a denial's condition must speak of, so that it is a check of the caller; what a
    /// check is called on or handed.
    #[serde(default, deserialize_with = "many")]
    pub(crate) about: Vec<String>,
    /// Of a check: more may not be asked of its answer, and it is made of no fields.
    #[serde(default)]
    pub(crate) by_itself: bool,
    /// The attribute in which a class says its prefix.
    pub(crate) prefix_attribute: Option<String>,
    /// Of a class that is a router: methods that return its routes.
    #[serde(default, deserialize_with = "many")]
    pub(crate) routes_of: Vec<String>,
    /// Members of an object of such a class that stand for its routes.
    #[serde(default, deserialize_with = "many")]
    pub(crate) under: Vec<String>,
    /// Attributes without which what the routes are handed through hangs nothing on them.
    #[serde(default, deserialize_with = "many")]
    pub(crate) depends_on: Vec<String>,
    /// What a decorator files its class under, or what a router gathers from.
    #[serde(default, deserialize_with = "many")]
    pub(crate) filed: Vec<Selector>,
    /// Rules of decorators whose classes hang on the router.
    #[serde(default, deserialize_with = "many")]
    pub(crate) gathers: Vec<String>,
    /// The parts of the dotted name that a call stands for: `import_string("a.b")`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) loads: Vec<Selector>,
    /// The call gives an object of a class of such a type, which `named` names.
    #[serde(default, deserialize_with = "many")]
    pub(crate) instance_of: Vec<String>,
    /// Attributes in which such a class says its name.
    #[serde(default, deserialize_with = "many")]
    pub(crate) named_by: Vec<String>,
    /// The router answers at its own path, with this method.
    pub(crate) index: Option<String>,
    /// Methods of a class that run before each of its actions: those that turn callers away
    /// guard them.
    #[serde(default)]
    pub(crate) hooks: Vec<String>,
    /// Methods of a class that turn callers away by what they answer: `authorize`.
    #[serde(default, deserialize_with = "many")]
    pub(crate) answers: Vec<String>,
    /// The nth argument counts as a prefix of the paths below it.
    #[serde(default)]
    pub(crate) outcome: Option<String>,
    // --- parts of a fact
    /// Of a dangerous call: what is done with the value. Of a sanitiser: what it makes the value
    /// harmless for; nothing stands for everything.
    #[serde(default, deserialize_with = "many")]
    pub(crate) operation: Vec<String>,
    /// The values that are dangerous where a caller chooses them.
    #[serde(default, deserialize_with = "many")]
    pub(crate) reaches: Vec<Selector>,
    /// Where something is found, values are handed over apart from the text.
    #[serde(default, deserialize_with = "many")]
    pub(crate) bound: Vec<Selector>,
    /// A sanitiser that only asks: what it is handed is harmless behind it.
    #[serde(default)]
    pub(crate) asks: bool,
    /// Of a sanitiser: missed only where one of these names came in its place.
    #[serde(default, deserialize_with = "many")]
    pub(crate) instead: Vec<String>,
    /// Regular expressions of texts that code writes out; the texts of a list are one text.
    #[serde(default, deserialize_with = "many")]
    pub(crate) written: Vec<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, OneOrManySelector>,
    pub(crate) field: Option<FieldRule>,
    /// Where SQL statements stand, which change the data model.
    #[serde(default, deserialize_with = "many")]
    pub(crate) sql: Vec<Selector>,
    /// Not inside functions of these names: the way back of a migration.
    #[serde(default, deserialize_with = "many")]
    pub(crate) outside: Vec<String>,
    /// How safe each value of a setting is; higher is safer.
    #[serde(default)]
    pub(crate) levels: BTreeMap<String, i64>,
    pub(crate) default_level: Option<i64>,
}

impl Rule {
    /// Puts the names of a list in place of `@list`.
    fn expand(&mut self, lists: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
        let constraints = self.constraints.iter_mut().flat_map(|one| {
            [
                &mut one.named,
                &mut one.like,
                &mut one.unlike,
                &mut one.holds,
            ]
        });
        let selectors = self.attributes.values_mut().flat_map(|many| &mut many.0);
        let paths = [&mut self.of, &mut self.matchers, &mut self.elsewhere];
        let all = constraints.chain(selectors.map(|one| &mut one.named));
        for named in all.chain(paths) {
            let mut all = Vec::new();
            for name in std::mem::take(named) {
                match name.strip_prefix('@') {
                    Some(list) => all.extend_from_slice(lists.get(list).ok_or_else(|| {
                        let known: Vec<&str> = lists.keys().map(String::as_str).collect();
                        format!(
                            "rule \"{}\" uses the unknown list of names \"@{list}\"; expected one of {}",
                            self.id,
                            known.join(", ")
                        )
                    })?),
                    None => all.push(name),
                }
            }
            *named = all;
        }
        Ok(())
    }
}

/// A selector, or several of which the first that finds something counts.
#[derive(Clone, Debug)]
pub(crate) struct OneOrManySelector(pub(crate) Vec<Selector>);

impl<'de> Deserialize<'de> for OneOrManySelector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        many(deserializer).map(Self)
    }
}

/// How a framework writes parameters in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PathStyle {
    /// `<int:id>`, `<id>`
    Angle,
    /// `:id`, `:id?`, `*`
    Colon,
    /// `/:year(/:month)`, `:id?`, `*rest`
    Optional,
    /// `{id}`, `{id:[0-9]+}`, `{*rest}`
    #[default]
    Brace,
    /// `(:num)`
    Group,
    /// `(?P<id>[0-9]+)`
    Regex,
}

/// How texts name what answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handlers {
    /// Between class and method: `#` in `users#show`.
    #[serde(default)]
    pub(crate) separator: String,
    /// The class of a name, `{Camel}` is the name in capitals: `{Camel}Controller`.
    pub(crate) class: Option<String>,
    /// Namespaces in which classes are looked for.
    #[serde(default)]
    pub(crate) namespaces: Vec<String>,
    /// Methods by which a class answers on its own.
    #[serde(default)]
    pub(crate) invoke: Vec<String>,
    /// A route without a handler is answered by what its path names.
    #[serde(default)]
    pub(crate) by_path: bool,
    /// Blocks in functions that no other block calls serve requests.
    #[serde(default)]
    pub(crate) open: bool,
}

/// Words in paths that stand for the name of the class or of the function that answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    /// Stands for the class: `[controller]`.
    #[serde(default)]
    pub(crate) class: Vec<String>,
    /// Endings that the class's name loses: `Controller`.
    #[serde(default)]
    pub(crate) class_suffix: Vec<String>,
    /// Stands for the function: `[action]`.
    #[serde(default)]
    pub(crate) function: Vec<String>,
    /// Endings that the function's name loses: `Async`.
    #[serde(default)]
    pub(crate) function_suffix: Vec<String>,
    /// The class's name with its namespace.
    #[serde(default)]
    pub(crate) qualified: bool,
}

impl Tokens {
    /// The path with the names in place of the words.
    pub(crate) fn fill(
        &self,
        path: &str,
        class: Option<&str>,
        function: Option<&str>,
        style: &dyn Fn(&str) -> String,
    ) -> String {
        let mut path = path.to_owned();
        let all = [
            (&self.class, &self.class_suffix, class),
            (&self.function, &self.function_suffix, function),
        ];
        for (words, suffixes, name) in all {
            let Some(name) = name else { continue };
            let bare = suffixes
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix.as_str()));
            let name = style(bare.filter(|bare| !bare.is_empty()).unwrap_or(name));
            for word in words {
                path = path.replace(word.as_str(), &name);
            }
        }
        path
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFileText {
    source: String,
    framework: Option<String>,
    /// Languages that the rules hold for, where the folder's is not the only one.
    #[serde(default)]
    languages: Vec<String>,
    /// Packages whose import makes the rules apply; empty for the language itself.
    #[serde(default)]
    imports: Vec<String>,
    /// Frameworks whose rules also hold for this one's routers.
    #[serde(default)]
    extends: Vec<String>,
    /// Frameworks that serve this one's routes: its files import them and declare none of theirs.
    #[serde(default)]
    runs_on: Vec<String>,
    #[serde(default)]
    path_style: PathStyle,
    /// What is known not to be recognised, for the reader.
    #[serde(default)]
    gaps: Vec<String>,
    /// What stands between the names in a path, where it is no `/`.
    joined: Option<String>,
    /// Words in paths that stand for the names around.
    #[serde(default)]
    tokens: Tokens,
    /// How texts name handlers.
    #[serde(default)]
    handlers: Handlers,
    /// Lists of names that any rule may use in `named` as `@list`.
    #[serde(default)]
    names: BTreeMap<String, Vec<String>>,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
}

/// A pattern over a dotted name.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// `$router`, `$class`: what the first segment stands for.
    pub(crate) receiver: Option<String>,
    /// The other segments, each with its alternatives; `*` matches one, `**` any number.
    segments: Vec<Vec<String>>,
    /// It has matched a name since it was read.
    matched: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Pattern {
    /// Reads `a.{b,c}.*`; in Rust paths `::` is written as `.`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut segments: Vec<Vec<String>> = Vec::new();
        let mut current = String::new();
        let mut depth = 0;
        for c in text.chars().chain(['.']) {
            match c {
                '{' => {
                    depth += 1;
                    current.push(c);
                }
                '}' => {
                    depth -= 1;
                    current.push(c);
                }
                '.' if depth == 0 => {
                    segments.push(braces(&std::mem::take(&mut current)));
                }
                _ => current.push(c),
            }
        }
        let receiver = segments
            .first()
            .and_then(|first| first.first())
            .filter(|name| name.starts_with('$'))
            .cloned();
        if receiver.is_some() {
            segments.remove(0);
        }
        Self {
            receiver,
            segments,
            matched: std::sync::Arc::default(),
        }
    }

    /// A single name, which any package may have.
    fn is_bare(&self) -> bool {
        self.receiver.is_none() && self.segments.len() == 1
    }

    /// A name of any package: `**.HttpGet`.
    pub(crate) fn is_anywhere(&self) -> bool {
        self.segments.len() == 2 && self.segments[0] == ["**"]
    }

    /// The alternatives of the last segment, for dispatch.
    pub(crate) fn last(&self) -> &[String] {
        self.segments.last().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a dotted name (without the receiver) matches. A package name may contain dots and
    /// slashes; segments are compared after splitting both at dots.
    pub(crate) fn matches(&self, name: &str) -> bool {
        // Most names differ in their last word already.
        let last = name.rsplit('.').next().unwrap_or(name);
        if !self.last().is_empty() && !self.last().iter().any(|one| one == "**" || wild(one, last))
        {
            return false;
        }
        let words: Vec<&str> = name.split('.').collect();
        let matches = matches_from(&self.segments, &words);
        if matches {
            self.matched.store(true, Ordering::Relaxed);
        }
        matches
    }

    /// Whether it has matched any name since it was read.
    pub(crate) fn has_matched(&self) -> bool {
        self.matched.load(Ordering::Relaxed)
    }
}

fn matches_from(segments: &[Vec<String>], words: &[&str]) -> bool {
    match (segments.split_first(), words.split_first()) {
        (None, None) => true,
        (Some((segment, rest)), _) if segment.len() == 1 && segment[0] == "**" => {
            (0..=words.len()).any(|skip| matches_from(rest, &words[skip..]))
        }
        (Some((segment, rest)), Some((word, others))) => {
            segment.iter().any(|alternative| wild(alternative, word)) && matches_from(rest, others)
        }
        _ => false,
    }
}

/// A pattern in which `*` stands for any run of characters, taken apart once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wild {
    head: Box<str>,
    /// What must follow, in this order.
    middle: Vec<Box<str>>,
    /// What stands behind the last `*`; nothing where there is none.
    tail: Option<Box<str>>,
}

impl Wild {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut parts = pattern.split('*').map(Box::from);
        let head = parts.next().unwrap_or_default();
        let mut middle: Vec<Box<str>> = parts.collect();
        let tail = middle.pop();
        middle.retain(|part| !part.is_empty());
        Self { head, middle, tail }
    }

    /// As [`wild`].
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(tail) = &self.tail else {
            return *self.head == *text;
        };
        let rest = text.as_bytes().strip_prefix(self.head.as_bytes());
        let rest = rest.and_then(|rest| rest.strip_suffix(tail.as_bytes()));
        let Some(mut rest) = rest else { return false };
        for part in &self.middle {
            let part = part.as_bytes();
            let mut starts = rest.windows(part.len());
            let Some(at) = starts.position(|window| window[0] == part[0] && window == part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
pub(crate) fn wild(pattern: &str, text: &str) -> bool {
    let star = pattern.bytes().position(|byte| byte == b'*');
    match star.map(|at| (&pattern[..at], &pattern[at + 1..])) {
        None => pattern == text,
        Some((head, tail)) => {
            let Some(rest) = text.strip_prefix(head) else {
                return false;
            };
            // Most patterns have one `*` only.
            if rest.ends_with(tail) {
                return true;
            }
            if !tail.bytes().any(|byte| byte == b'*') {
                return false;
            }
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| wild(tail, &rest[at..]))
        }
    }
}

/// The alternatives of `a{b,c}d`.
/// Alternatives of several segments become patterns of their own: `os.{getenv,environ.get}`.
fn apart(text: &str) -> Vec<String> {
    let dotted = text.match_indices('{').find_map(|(open, _)| {
        let close = open + text[open..].find('}')?;
        text[open..close].contains('.').then_some((open, close))
    });
    let Some((open, close)) = dotted else {
        return vec![text.to_owned()];
    };
    let words = text[open + 1..close].split(',');
    words
        .map(|word| format!("{}{}{}", &text[..open], word.trim(), &text[close + 1..]))
        .flat_map(|text| apart(&text))
        .collect()
}

fn braces(text: &str) -> Vec<String> {
    let (Some(open), Some(close)) = (text.find('{'), text.rfind('}')) else {
        return vec![text.to_owned()];
    };
    if close < open {
        return vec![text.to_owned()];
    }
    text[open + 1..close]
        .split(',')
        .map(|word| format!("{}{}{}", &text[..open], word.trim(), &text[close + 1..]))
        .collect()
}

/// A rule with its patterns read and the file it comes from.
#[derive(Debug)]
pub(crate) struct LoadedRule {
    pub(crate) rule: Rule,
    /// Connects what has a bare name, so that only the imports around tell whose it is.
    pub(crate) bare: bool,
    pub(crate) framework: usize,
    pub(crate) patterns: Vec<Pattern>,
    /// Types of the routers that it makes.
    pub(crate) types: Vec<Pattern>,
    pub(crate) files: Option<LazyGlobs>,
    /// Texts that code writes out.
    pub(crate) written: Vec<LazyRegex>,
}

impl LoadedRule {
    /// Whether it says by the place of a file that it answers requests.
    fn is_placed(&self) -> bool {
        let rule = &self.rule;
        self.files.is_some()
            && (!rule.exports.is_empty()
                || !rule.document.is_empty()
                || rule.whole_file
                || rule.link == Some(Link::Router))
    }

    /// Folders below which paths of files are paths of requests.
    fn below(&self) -> impl Iterator<Item = &str> {
        let paths = self.rule.path.iter();
        paths.filter_map(|one| one.below.as_deref())
    }
}

/// A rule file's header.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) name: String,
    pub(crate) language: String,
    /// Languages that the rules hold for, beside that of the folder.
    pub(crate) languages: Vec<String>,
    pub(crate) imports: Vec<String>,
    pub(crate) extends: Vec<String>,
    pub(crate) runs_on: Vec<String>,
    pub(crate) path_style: PathStyle,
    pub(crate) gaps: Vec<String>,
    pub(crate) joined: Option<String>,
    pub(crate) tokens: Tokens,
    pub(crate) handlers: Handlers,
    /// The rule file and its source, for `rules explain`.
    pub(crate) file: String,
    pub(crate) source: String,
}

/// All rules of all frameworks.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) frameworks: Vec<Framework>,
    pub(crate) all: Vec<LoadedRule>,
    /// Those that say of a file by its place that it answers requests.
    placed: Vec<usize>,
}

impl Rules {
    /// Reads rule files, given as path (`python/flask.toml`) and text.
    pub(crate) fn load(files: &[(String, String)]) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        let mut ids = BTreeMap::new();
        let mut read = Vec::new();
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let texts: Vec<_> = files
            .par_iter()
            .map(|(path, text)| crate::error::read_rules::<RuleFileText>(path, text))
            .collect();
        for ((path, text), parsed) in files.iter().zip(texts) {
            let mut parsed = parsed?;
            for (list, words) in std::mem::take(&mut parsed.names) {
                names.entry(list).or_default().extend(words);
            }
            read.push((path, text, parsed));
        }
        for (path, text, parsed) in read {
            let mut folders = path.rsplit('/');
            let stem = folders.next().unwrap_or(path).trim_end_matches(".toml");
            let language = folders.next().unwrap_or_default();
            let framework = rules.frameworks.len();
            rules.frameworks.push(Framework {
                name: parsed.framework.unwrap_or_else(|| stem.to_owned()),
                language: language.to_owned(),
                languages: parsed.languages,
                imports: parsed.imports,
                extends: parsed.extends,
                runs_on: parsed.runs_on,
                path_style: parsed.path_style,
                gaps: parsed.gaps,
                joined: parsed.joined,
                tokens: parsed.tokens,
                handlers: parsed.handlers,
                file: path.clone(),
                source: parsed.source,
            });
            for mut rule in parsed.rules {
                let id = rule.id.clone();
                let fail = |message: String| RuleError {
                    path: path.clone(),
                    line: crate::error::line_of(text, &format!("\"{id}\""), ""),
                    message,
                };
                if let Some(other) = ids.insert(rule.id.clone(), path.clone()) {
                    return Err(fail(format!(
                        "rule id \"{}\" is already used in {other}",
                        rule.id
                    )));
                }
                rule.expand(&names).map_err(fail)?;
                let looks = [
                    &rule.call,
                    &rule.decorator,
                    &rule.class,
                    &rule.assign,
                    &rule.mention,
                    &rule.parameter,
                    &rule.names,
                    &rule.method,
                    &rule.member,
                    &rule.collected,
                    &rule.called,
                ];
                let count = looks.iter().filter(|list| !list.is_empty()).count()
                    + usize::from(!rule.has.is_empty())
                    + usize::from(!rule.written.is_empty())
                    + usize::from(!rule.exports.is_empty())
                    + usize::from(!rule.document.is_empty())
                    + usize::from(rule.directive.is_some());
                if count != 1 && !(rule.whole_file && count == 0) {
                    return Err(fail(format!(
                        "rule \"{}\" must have exactly one of call, decorator, class, assign, mention, parameter, method, member, collected, called, has, written, exports, directive, document, names; it has {count}",
                        rule.id
                    )));
                }
                if rule.link.is_some() == rule.fact.is_some() {
                    return Err(fail(format!(
                        "rule \"{}\" must have either link or fact",
                        rule.id
                    )));
                }
                if !rule.document.is_empty() && rule.files.is_empty() {
                    return Err(fail(format!(
                        "rule \"{}\" speaks of documents and must say in files which",
                        rule.id
                    )));
                }
                let globs = match rule.files.is_empty() {
                    true => None,
                    false => Some(LazyGlobs::new(&rule.files).map_err(fail)?),
                };
                let patterns = looks
                    .iter()
                    .flat_map(|list| list.iter())
                    .flat_map(|text| apart(text))
                    .map(|text| Pattern::parse(&text))
                    .collect();
                let patterns: Vec<Pattern> = patterns;
                let packaged = !rules.frameworks[framework].imports.is_empty();
                let hangs = matches!(
                    rule.link,
                    Some(Link::Router | Link::Route | Link::Mount | Link::Guard)
                );
                let imported = rule.imported;
                let bare = packaged
                    && hangs
                    && rule.class.is_empty()
                    && rule.assign.is_empty()
                    && patterns.iter().any(Pattern::is_bare);
                let makers = rule.call.iter().filter(|_| rule.link == Some(Link::Router));
                let makers = makers.flat_map(|text| apart(text)).flat_map(|text| {
                    let outer = text.rsplit_once('.').map(|(outer, _)| outer.to_owned());
                    let constructor = text.rsplit_once('.').is_some_and(|(_, last)| {
                        last.starts_with(|c: char| c.is_lowercase() || c == '{')
                    });
                    std::iter::once(text).chain(outer.filter(|_| constructor))
                });
                let named = rule.types.iter().flat_map(|text| apart(text));
                let types = makers
                    .chain(named)
                    .map(|text| Pattern::parse(&text))
                    .collect();
                let written = rule.written.iter().map(|text| LazyRegex::new(text));
                let written = written.collect::<Result<Vec<_>, _>>().map_err(fail)?;
                rules.all.push(LoadedRule {
                    written,
                    types,
                    rule,
                    bare: bare || imported,
                    framework,
                    patterns,
                    files: globs,
                });
            }
        }
        let all = rules.all.iter().enumerate();
        let placed = all.filter(|(_, loaded)| loaded.is_placed() || loaded.below().count() > 0);
        rules.placed = placed.map(|(id, _)| id).collect();
        Ok(rules)
    }

    /// Whether a file may answer requests by its place.
    pub(crate) fn by_place(&self, path: &str) -> bool {
        let folders: Vec<&str> = path.split('/').collect();
        let mut placed = self.placed.iter().map(|id| &self.all[*id]);
        placed.any(|loaded| {
            let files = loaded.files.as_ref().filter(|_| loaded.is_placed());
            files.is_some_and(|globs| globs.is_match(path))
                || loaded.below().any(|folder| folders.contains(&folder))
        })
    }

    /// The files that rules over documents name, by language.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&str, &LazyGlobs)> {
        let rules = self.all.iter().filter(|one| !one.rule.document.is_empty());
        rules.flat_map(|loaded| {
            let framework = &self.frameworks[loaded.framework];
            let own = std::iter::once(framework.language.as_str());
            let languages = own.chain(framework.languages.iter().map(String::as_str));
            let files = loaded.files.iter();
            files.flat_map(move |files| languages.clone().map(move |language| (language, files)))
        })
    }

    /// Indexes of the frameworks of a language family.
    pub(crate) fn frameworks_of(&self, family: &[String]) -> Vec<usize> {
        let all = self.frameworks.iter().enumerate();
        all.filter(|(_, framework)| {
            framework.language == "any"
                || family.contains(&framework.language)
                || framework.languages.iter().any(|one| family.contains(one))
        })
        .map(|(index, _)| index)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_dotted_names() {
        let check = |pattern: &str, name: &str| Pattern::parse(pattern).matches(name);
        assert!(check("hashlib.{md5,sha1}", "hashlib.md5"));
        assert!(!check("hashlib.{md5,sha1}", "hashlib.sha256"));
        assert!(check("**.Public", "Public"));
        assert!(check("**.Public", "a.b.Public"));
        assert!(check("**.*Required", "app.LoginRequired"));
        assert!(!check("flask.Flask", "flask.Flask.route"));
        let routed = Pattern::parse("$router.{get,post}");
        assert_eq!(routed.receiver.as_deref(), Some("$router"));
        assert!(routed.matches("get"));
    }

    #[test]
    fn patterns_taken_apart_match_the_same() {
        let patterns = [
            "", "*", "**", "a", "a*", "*a", "a*a", "*a*", "a*b*c", "*ab*ba*", "é*", "*é*", "ab*b",
        ];
        let texts = [
            "", "a", "aa", "aba", "abc", "abba", "xabxbax", "é", "xéx", "ab", "abb", "a*b", "acbc",
        ];
        for pattern in patterns {
            for text in texts {
                let apart = Wild::new(pattern).matches(text);
                assert_eq!(apart, wild(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn alternatives_of_several_segments_are_patterns_of_their_own() {
        assert_eq!(
            apart("os.{getenv,environ.get}"),
            ["os.getenv", "os.environ.get"]
        );
        assert_eq!(apart("{a.b,c}.{d,e}"), ["a.b.{d,e}", "c.{d,e}"]);
    }

    #[test]
    fn a_misspelt_key_is_an_error_with_its_line() {
        let text = "source = \"x\"\n[[rule]]\nid = \"a\"\ncal = \"b\"\n";
        let error = Rules::load(&[("python/x.toml".into(), text.into())]).unwrap_err();
        assert_eq!(error.line, 4);
        assert!(error.message.contains("unknown field `cal`"), "{error}");
        assert!(error.message.contains("call"), "{error}");
    }
}
