use super::{
    catalogue::{COUNT, Category, Permission},
    role::{DefaultRole, may_create_level, outranks},
    set::PermissionSet,
};

#[test]
fn the_counts_are_the_specified_ones() {
    assert_eq!(COUNT, 114);
    assert_eq!(Permission::ALL.iter().filter(|p| p.is_critical()).count(), 18);
    let step_up: Vec<&str> = Permission::ALL.iter().filter(|p| p.needs_mfa()).map(|p| p.key()).collect();
    assert_eq!(step_up, ["billing.subscription.cancel", "org.delete", "secrets.reveal"]);

    let expected = [
        ("billing", 9),
        ("users", 4),
        ("roles", 3),
        ("organization", 3),
        ("secrets", 5),
        ("webhooks", 4),
        ("cloud providers", 2),
        ("servers", 10),
        ("volumes", 7),
        ("networks", 6),
        ("firewalls", 6),
        ("load balancers", 7),
        ("dns", 6),
        ("snapshots and backups", 6),
        ("floating IPs", 4),
        ("AI components", 12),
        ("workflows", 6),
        ("monitoring", 6),
        ("audit", 4),
        ("compliance", 4),
    ];
    let counted: Vec<(&str, usize)> =
        Category::ALL.iter().map(|c| (c.name(), Permission::ALL.iter().filter(|p| p.category() == *c).count())).collect();
    assert_eq!(counted, expected);
}

#[test]
fn a_place_is_a_bit_and_keys_are_unique() {
    let mut seen = std::collections::BTreeSet::new();
    let mut category = Category::Billing;
    for (place, permission) in Permission::ALL.iter().enumerate() {
        assert_eq!(usize::from(permission.index()), place);
        assert!(seen.insert(permission.key()), "{permission} twice");
        assert_eq!(Permission::from_key(permission.key()), Some(*permission));
        assert_eq!(PermissionSet::EMPTY.with(*permission).bits(), 1 << place);
        assert!(permission.category() >= category, "categories stand together");
        assert!(!permission.description().is_empty());
        category = permission.category();
    }
    assert_eq!(Permission::from_key("servers.fly"), None);
}

/// Who holds what, for review: a change to the mapping shows as a change to the snapshot.
#[test]
fn role_matrix() {
    let sets = DefaultRole::ALL.map(|role| (role, role.permissions()));
    let mut matrix = String::from("bit  permission                      own adm man dev mem vie\n");
    for permission in Permission::ALL {
        let guard = match (permission.is_critical(), permission.needs_mfa()) {
            (_, true) => "*†",
            (true, false) => "*",
            (false, false) => "",
        };
        let key = format!("{permission}{guard}");
        let marks: Vec<&str> = sets.iter().map(|(_, set)| if set.contains(*permission) { "  x" } else { "  ." }).collect();
        matrix.push_str(&format!("{:>3}  {key:<31} {}\n", permission.index(), marks.join(" ")));
    }
    for (role, set) in sets {
        matrix.push_str(&format!("{}: level {}, {} permissions, {}\n", role.key(), role.level(), set.len(), set.to_hex()));
    }
    insta::assert_snapshot!(matrix);
}

#[test]
fn roles_nest_except_where_the_mapping_says_otherwise() {
    let [owner, admin, manager, developer, member, viewer] = DefaultRole::ALL.map(DefaultRole::permissions);
    assert_eq!(owner, PermissionSet::ALL);
    assert_eq!(admin.len(), 110);
    for set in [manager, developer, member, viewer] {
        assert!(admin.contains_all(set));
    }
    assert!(manager.contains_all(viewer));
    // A member creates workflows, which a manager may do as well; prompts to models are not a manager's.
    let beyond: Vec<&str> = member.iter().filter(|p| !manager.contains(*p)).map(Permission::key).collect();
    assert_eq!(beyond, ["ai.planner.use", "ai.llm.use"]);
}

#[test]
fn the_hierarchy() {
    let levels = DefaultRole::ALL.map(DefaultRole::level);
    assert_eq!(levels, [100, 80, 60, 40, 20, 10]);
    assert!(outranks(100, 100), "owners may do so to owners");
    assert!(outranks(80, 60) && !outranks(80, 80) && !outranks(60, 80));
    assert!(may_create_level(80, 79) && !may_create_level(80, 80) && !may_create_level(80, 0));
    for role in DefaultRole::ALL {
        assert_eq!(DefaultRole::from_key(role.key()), Some(role));
    }
}

#[test]
fn only_the_written_form_is_read() {
    for text in ["", "G", "FF", "0x1", "+1", "-1", " 1", "1 ", &"f".repeat(33)] {
        assert_eq!(PermissionSet::from_hex(text), None, "{text:?}");
    }
    assert_eq!(PermissionSet::from_hex(&"f".repeat(32)), Some(PermissionSet::ALL));
    assert_eq!(PermissionSet::ALL.to_hex(), "3ffffffffffffffffffffffffffff");
}

proptest::proptest! {
    #[test]
    fn sets_come_back_as_they_went(bits: u128) {
        let set = PermissionSet::from_bits(bits);
        proptest::prop_assert_eq!(PermissionSet::from_hex(&set.to_hex()), Some(set));
        proptest::prop_assert_eq!(set.iter().collect::<PermissionSet>(), set);
        let json = serde_json::to_string(&set).unwrap();
        proptest::prop_assert_eq!(serde_json::from_str::<PermissionSet>(&json).unwrap(), set);
        proptest::prop_assert_eq!(set.iter().count(), set.len() as usize);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = PermissionSet::from_hex(&text);
    }
}
