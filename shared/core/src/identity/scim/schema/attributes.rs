//! The attributes of users and groups (RFC 7643, 3.1, 4.1 to 4.3).

use super::{Attribute, Mutability, Type};

const EXTERNAL: Type = Type::Reference(&["external"]);
const USERS: Type = Type::Reference(&["User"]);
const GROUPS: Type = Type::Reference(&["Group"]);

const TYPE: Attribute = Attribute::text("type", "What it is for.");
const PRIMARY: Attribute = Attribute::text("primary", "Whether it is the preferred one; one at most is.").of(Type::Boolean);
const DISPLAY: Attribute = Attribute::text("display", "How people read it.");
const VALUE: Attribute = Attribute::text("value", "The value.");

const NAME: &[Attribute] = &[
    Attribute::text("formatted", "The whole name."),
    Attribute::text("familyName", "Family name."),
    Attribute::text("givenName", "Given name."),
    Attribute::text("middleName", "Middle names."),
    Attribute::text("honorificPrefix", "Titles before the name."),
    Attribute::text("honorificSuffix", "What follows the name."),
];

const ADDRESS: &[Attribute] = &[
    Attribute::text("formatted", "The whole address."),
    Attribute::text("streetAddress", "Street and number."),
    Attribute::text("locality", "City."),
    Attribute::text("region", "State or region."),
    Attribute::text("postalCode", "Postal code."),
    Attribute::text("country", "Country, ISO 3166-1."),
    TYPE.usual(&["work", "home", "other"]),
    PRIMARY,
];

const PLAIN: &[Attribute] = &[VALUE, DISPLAY, TYPE, PRIMARY];
const WORK_HOME: &[Attribute] = &[VALUE, DISPLAY, TYPE.usual(&["work", "home", "other"]), PRIMARY];

const MEMBERSHIPS: &[Attribute] = &[
    VALUE.writable(Mutability::ReadOnly),
    Attribute::text("$ref", "Where the group is.").of(GROUPS).writable(Mutability::ReadOnly),
    TYPE.usual(&["direct"]).writable(Mutability::ReadOnly),
];

/// The attributes that every resource has (RFC 7643, 3.1), beside those of its schema.
pub const COMMON: &[Attribute] = &[
    Attribute::text("id", "Identifier.").exact().writable(Mutability::ReadOnly).always().unique(),
    Attribute::text("externalId", "What the client calls it.").exact(),
    Attribute::complex(
        "meta",
        "What is known of the resource itself.",
        &[
            Attribute::text("resourceType", "Name of its type.").exact().writable(Mutability::ReadOnly),
            Attribute::text("created", "When it was made.").of(Type::DateTime).writable(Mutability::ReadOnly),
            Attribute::text("lastModified", "When it was last changed.").of(Type::DateTime).writable(Mutability::ReadOnly),
            Attribute::text("location", "Where it is.").exact().writable(Mutability::ReadOnly),
            Attribute::text("version", "Its entity tag.").exact().writable(Mutability::ReadOnly),
        ],
    )
    .writable(Mutability::ReadOnly),
];

/// The attributes of a user (RFC 7643, 4.1). `password` is none: nobody's password comes from a directory.
pub const USER_ATTRIBUTES: &[Attribute] = &[
    Attribute::text("userName", "What the directory calls the person; a mail address where no mail address is given.").required().unique(),
    Attribute::complex("name", "The person's name.", NAME),
    Attribute::text("displayName", "The name as others read it."),
    Attribute::text("nickName", "How the person is addressed."),
    Attribute::text("profileUrl", "A page about the person.").of(EXTERNAL).exact(),
    Attribute::text("title", "The person's title."),
    Attribute::text("userType", "How the person belongs to the organisation."),
    Attribute::text("preferredLanguage", "The languages that the person prefers."),
    Attribute::text("locale", "The person's locale."),
    Attribute::text("timezone", "The person's time zone."),
    // Required in answers: there is no membership that is neither.
    Attribute::text("active", "Whether the person may sign in to the organisation.").of(Type::Boolean).required(),
    Attribute::list("emails", "Mail addresses; the primary one, else the first, is the account's.", WORK_HOME),
    Attribute::list(
        "phoneNumbers",
        "Telephone numbers.",
        &[VALUE, DISPLAY, TYPE.usual(&["work", "home", "mobile", "fax", "pager", "other"]), PRIMARY],
    ),
    Attribute::list("ims", "Addresses of instant messengers.", PLAIN),
    Attribute::list("photos", "Pictures.", &[VALUE.of(EXTERNAL).exact(), DISPLAY, TYPE.usual(&["photo", "thumbnail"]), PRIMARY]),
    Attribute::list("addresses", "Postal addresses.", ADDRESS),
    Attribute::list("groups", "The groups that the person is in.", MEMBERSHIPS).writable(Mutability::ReadOnly),
    Attribute::list("entitlements", "What the directory says that the person is entitled to; kept, and without effect.", PLAIN),
    Attribute::list("roles", "What the directory says that the person does; kept, and without effect.", PLAIN),
    Attribute::list("x509Certificates", "Certificates.", &[VALUE.of(Type::Binary).exact(), DISPLAY, TYPE, PRIMARY]),
];

/// What enterprises add to a user (RFC 7643, 4.3).
pub const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    Attribute::text("employeeNumber", "The person's number."),
    Attribute::text("costCenter", "The cost centre."),
    Attribute::text("organization", "The organisation."),
    Attribute::text("division", "The division."),
    Attribute::text("department", "The department."),
    Attribute::complex(
        "manager",
        "Whom the person reports to.",
        &[
            Attribute::text("value", "The manager's identifier.").exact(),
            Attribute::text("$ref", "Where the manager is.").of(USERS).exact(),
            Attribute::text("displayName", "The manager's name.").writable(Mutability::ReadOnly),
        ],
    ),
];

/// The attributes of a group (RFC 7643, 4.2).
pub const GROUP_ATTRIBUTES: &[Attribute] = &[
    Attribute::text("displayName", "The group's name.").required().unique(),
    Attribute::list(
        "members",
        "Who is in it: users, no groups.",
        &[
            Attribute::text("value", "The user's identifier.").exact().writable(Mutability::Immutable),
            Attribute::text("$ref", "Where the user is.").of(USERS).exact().writable(Mutability::Immutable),
            TYPE.usual(&["User"]).writable(Mutability::Immutable),
        ],
    ),
];
