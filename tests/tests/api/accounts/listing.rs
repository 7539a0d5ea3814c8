//! The listing of accounts: filters, orders, pages and the count.

use accord_tests::accounts::{Person, path};
use accord_tests::{Accord, answer};
use reqwest::{Method, Url};
use serde_json::{Value, json};

async fn expect(accord: &Accord, person: &Person, query: &[(&str, &str)], expected: &[&str]) {
    let url = Url::parse_with_params(&accord.url("/api/accounts"), query).expect("an address");
    let path = format!("/api/accounts?{}", url.query().expect("there are options"));
    let listed = accord.get(&person.token, &path).await;
    assert_eq!(listed.status, 200, "{query:?}: {listed}");
    let value = listed.json()["value"].as_array().expect("accounts").clone();
    let names: Vec<_> = value.iter().map(|account| account["name"].as_str().expect("a name")).collect();
    assert_eq!(names, expected, "{query:?}");
}

#[tokio::test]
async fn a_listing_is_filtered_ordered_searched_and_cut() {
    let accord = Accord::start().await;
    let person = accord.person("100% Pure_Oil").await;
    for (name, description) in
        [("'; DROP TABLE accounts; --", Some("injected")), ("100 Pure Oil", None), ("ÄHTÄRI Oy", Some("in Finland"))]
    {
        let new = json!({ "name": name, "description": description });
        assert_eq!(accord.post(&person.token, "/api/accounts", &new).await.status, 201);
    }
    for (query, expected) in [
        (&[("$filter", "name eq '''; DROP TABLE accounts; --'")][..], &["'; DROP TABLE accounts; --"][..]),
        (&[("$filter", "contains(name,'%')")], &["100% Pure_Oil"]),
        (&[("$filter", "contains(name,'_')")], &["100% Pure_Oil"]),
        (&[("$filter", "tolower(name) eq 'ähtäri oy'")], &["ÄHTÄRI Oy"]),
        (&[("$filter", "description eq null"), ("$orderby", "name")], &["100 Pure Oil", "100% Pure_Oil"]),
        (
            &[("$filter", "status eq 'active' and not startswith(name,'1')"), ("$orderby", "name desc")],
            &["ÄHTÄRI Oy", "'; DROP TABLE accounts; --"],
        ),
        (&[("$filter", "createdAt lt 2020-01-01")], &[]),
        (&[("$filter", "createdAt gt 2020-01-01T00:00:00Z"), ("$top", "1")], &["100% Pure_Oil"]),
        (&[("$search", "pure NOT pure_oil")], &["100 Pure Oil"]),
        (&[("$search", "FINLAND")], &["ÄHTÄRI Oy"]),
        (&[("$skip", "2"), ("$top", "1")], &["100 Pure Oil"]),
        (&[("$top", "0")], &[]),
    ] {
        expect(&accord, &person, query, expected).await;
    }
    let selected = "/api/accounts?$select=name,accountKey,country&$top=1&$count=true&$filter=country%20ne%20null";
    let selected = accord.get(&person.token, selected).await.json();
    assert_eq!(selected["value"][0].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!((&selected["count"], &selected["@odata.count"]), (&json!(1), &json!(1)));
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts"), 5);
}

/// Every account that a listing has, page by page, by their names.
async fn walk(accord: &Accord, token: &str, query: &str, prefer: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), Some(format!("/api/accounts{query}")));
    while let Some(path) = next {
        let page = answer(accord.request_as(token, Method::GET, &path).header("prefer", prefer)).await;
        assert_eq!(page.status, 200, "{path}: {page}");
        pages.push(page.column("value", "name"));
        let link = page.json()["@odata.nextLink"].as_str().map(str::to_owned);
        next = link.map(|link| link.split_once("/api/").map(|(_, path)| format!("/api/{path}")).expect("a link here"));
    }
    pages
}

#[tokio::test]
async fn top_ends_the_whole_and_a_preference_sizes_the_pages() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    accord.store().execute(
        "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
         SELECT (SELECT id FROM accounts WHERE owner_id IS NULL), 'key' || i, 'A' || i, 'a' || i, 'portal', i, 0 FROM n",
        (),
    );
    accord.store().recount();
    for (query, prefer, sizes) in [
        ("", "", [vec![50; 22], vec![1]].concat()),
        ("?$top=7", "", vec![7]),
        ("?$top=500", "", vec![500]),
        ("?$top=1000", "", vec![500, 500]),
        ("?$top=1001", "", vec![500, 500, 1]),
        ("?$top=100000", "", vec![500, 500, 101]),
        ("?$top=7", "maxpagesize=3", vec![3, 3, 1]),
        ("?$top=6&$skip=2", "odata.maxpagesize=3", vec![3, 3]),
        ("?TOP=4&skip=1099", "maxpagesize=3", vec![2]),
        ("?$skip=100", "maxpagesize=100000", vec![500, 500, 1]),
        ("?$top=0", "maxpagesize=3", vec![0]),
    ] {
        let pages = walk(&accord, &admin, query, prefer).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{query} {prefer}");
        let mut names = pages.concat();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), sizes.iter().sum::<usize>(), "{query} {prefer}");
    }
}

#[tokio::test]
async fn options_come_in_any_case_and_without_their_sign() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let list = async |query: &str| accord.get(&person.token, &format!("/api/accounts?{query}")).await;
    let expected = list("$filter=name%20eq%20'Acme'&$select=name&$count=true&$orderby=id").await;
    for query in [
        "filter=name%20eq%20'Acme'&select=name&count=true&orderby=id",
        "$Filter=name%20EQ%20'Acme'&$SELECT=name&$Count=TRUE&OrderBy=id%20ASC",
        "filter=name+eq+'Acme'&select=name&count=true&$format=json&utm_source=x",
    ] {
        assert_eq!(list(query).await, expected, "{query}");
    }
    for query in ["$filter=id%20eq%201&Filter=id%20eq%201", "expand=members", "$levels=1", "$format=xml", "top=x"] {
        assert_eq!(list(query).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_time_compares_as_it_is_shown() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let shown = accord.get(&person.token, &path(person.account)).await.text("createdAt");
    assert_eq!(shown.len(), "2026-06-02T10:30:00Z".len(), "{shown}");
    // The same time two hours further east, with its plus as it is, encoded, and as a form decodes it.
    let (date, rest) = shown.split_once('T').expect("a time");
    let hour: u32 = rest[..2].parse().expect("an hour");
    let east =
        if hour < 22 { format!("{date}T{:02}{}", hour + 2, &rest[2..8]) } else { format!("{date}T{}", &rest[..8]) };
    let zone = if hour < 22 { "02:00" } else { "00:00" };
    for time in [shown.clone(), format!("{east}+{zone}"), format!("{east}%2B{zone}"), format!("{east}%20{zone}")] {
        for (operator, expected) in [("eq", 1), ("ge", 1), ("le", 1), ("gt", 0), ("lt", 0), ("ne", 0)] {
            let listed =
                accord.get(&person.token, &format!("/api/accounts?$filter=createdAt%20{operator}%20{time}")).await;
            assert_eq!(listed.json()["count"], expected, "{operator} {time}: {listed}");
        }
    }
    let changed = accord.put(&person.token, &path(person.account), &json!({ "description": "x" })).await;
    let filter = format!("$filter=updatedAt%20eq%20{}", changed.text("updatedAt"));
    assert_eq!(accord.get(&person.token, &format!("/api/accounts?{filter}")).await.json()["count"], 1);
}

#[tokio::test]
async fn a_key_may_stand_in_parentheses() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    for path in [format!("/api/accounts({})", person.account), format!("/api/accounts%28{}%29", person.account)] {
        let found = accord.get(&person.token, &path).await;
        assert_eq!((found.status, found.number("id")), (200, person.account), "{path}: {found}");
        assert_eq!(accord.put(&person.token, &path, &json!({ "description": null })).await.status, 200, "{path}");
    }
    for nothing in ["/api/accounts(999999)", "/api/accounts()", "/api/accounts('Acme')", "/api/other(1)"] {
        assert_eq!(accord.get(&person.token, nothing).await.status, 404, "{nothing}");
    }
}

/// A listing goes another way where there is much to list: the same is found there.
#[tokio::test]
async fn a_filter_finds_the_same_among_few_and_among_many() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let (large, small) = (accord.person("Large").await, accord.person("Small").await);
    accord
        .store()
        .execute("UPDATE accounts SET type = 'reseller' WHERE id IN (?1, ?2)", (large.account, small.account));
    // More than one makes by requests in a test. Their times are what the listing below is ordered by.
    for (reseller, number) in [(&large, 2500), (&small, 250)] {
        accord.store().execute(
            "INSERT INTO accounts (owner_id, account_key, registration_id, subdomain, name, name_key, origin, created_at, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
             SELECT ?1, ?1 || 'key' || i, 'r' || i, 's' || ?1 || '-' || i,
                    CASE i % 5 WHEN 0 THEN 'Ähtäri ' WHEN 1 THEN 'ÄHTÄRI ' ELSE 'Acme ' END || i,
                    CASE WHEN i % 5 < 2 THEN 'ähtäri ' ELSE 'acme ' END || i, 'portal', i, 0 FROM n",
            (reseller.account, number),
        );
    }
    accord.store().recount();
    let options = |filter: &str, rest: &str| {
        let url = Url::parse_with_params(&accord.url("/api/accounts"), [("$filter", filter)]).expect("an address");
        format!("/api/accounts?{}{rest}", url.query().expect("there are options"))
    };
    for (filter, among_large, among_small) in [
        ("name eq 'Acme 7'", 1, 1),
        ("'Acme 2497' eq name", 1, 0),
        ("name eq 'ACME 7'", 0, 0),
        ("tolower(name) eq 'ähtäri 11'", 1, 1),
        ("toupper(name) eq 'ÄHTÄRI 11' and status eq 'active'", 1, 1),
        ("startswith(name,'Ähtäri 2')", 2 + 20 + 100, 2 + 10),
        ("startswith(tolower(name),'ähtäri 11')", 1 + 4 + 40, 1 + 4),
        ("startswith(name,'')", 2500 + 1, 250 + 1),
        ("name in ('Acme 7','ÄHTÄRI 11','Acme 12','Large','Small')", 4, 4),
        ("name in ('Acme 7',null)", 1, 1),
        ("registrationId eq 'r7'", 1, 1),
        ("registrationId eq 'R7'", 0, 0),
        ("registrationId in ('r7','r2499','r8') and contains(name,'7')", 1, 1),
        ("name eq 'Acme 7' or name eq 'Acme 8'", 2, 2),
        ("not (name eq 'Acme 7')", 2500, 250),
        ("name ne 'Acme 7' and contains(name,'249')", 13, 1),
        ("contains(name,'7') and name eq 'Acme 7' and registrationId eq 'r7'", 1, 1),
    ] {
        let mut found = Vec::new();
        for token in [&large.token, &small.token, &admin] {
            let page = async |path: &str| {
                answer(accord.request_as(token, Method::GET, path).header("prefer", "maxpagesize=3")).await.json()
            };
            let first = page(&options(filter, "&$orderby=createdAt%20desc")).await;
            let count = first["count"].as_i64().unwrap_or_else(|| panic!("{filter}: {first}"));
            let mut listed = first["value"].as_array().expect("accounts").len();
            let mut next = first["@odata.nextLink"].as_str().map(str::to_owned);
            for _ in 0..4 {
                let Some(link) = next else { break };
                let (_, path) = link.split_once("/api/").expect("a link to this API");
                let page = page(&format!("/api/{path}")).await;
                listed += page["value"].as_array().expect("accounts").len();
                next = page["@odata.nextLink"].as_str().map(str::to_owned);
            }
            assert_eq!(i64::try_from(listed).expect("few"), count.min(15), "{filter}");
            found.push(count);
        }
        // The operator's admin sees both, and the operator account.
        let operator = i64::from(["not (name eq 'Acme 7')", "startswith(name,'')"].contains(&filter));
        assert_eq!(found, [among_large, among_small, among_large + among_small + operator], "{filter}");
    }
    let by_subdomain = options(&format!("subdomain eq 's{}-7'", large.account), "&$select=name");
    for (token, expected) in [(&large.token, 1), (&admin, 1), (&small.token, 0)] {
        assert_eq!(accord.get(token, &by_subdomain).await.json()["count"], expected);
    }
}

#[tokio::test]
async fn ten_thousand_accounts_come_once_each_while_others_come_and_go() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let store = accord.store();
    // More than one makes by requests in a test. Ten of each time, for the order has to hold among equals.
    store.execute(
        "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT (SELECT id FROM accounts WHERE owner_id IS NULL), 'key' || i, 'Stays ' || (i % 100), 'stays ' || (i % 100),
                'portal', i / 10, 0 FROM n",
        (),
    );
    for order in ["id", "name desc,createdAt"] {
        let mut seen: Vec<Value> = Vec::new();
        let mut next = Some(format!("/api/accounts?$top=100000&$orderby={}", order.replace(' ', "%20")));
        let mut page = 0;
        while let Some(link) = next {
            let listed = accord.get(&admin, &link).await.json();
            seen.extend(listed["value"].as_array().expect("accounts").iter().cloned());
            next = listed["@odata.nextLink"].as_str().map(|link| {
                let (_, path) = link.split_once("/api/").expect("a link to this API");
                format!("/api/{path}")
            });
            page += 1;
            // Others come before and after where the listing is, and go again. The oldest, for one order ends with the time.
            for (name, key) in [("Aaa", "aaa"), ("Comes", "comes"), ("Zzz", "zzz")] {
                store.execute(
                    "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
                     SELECT id, ?1, ?2, ?3, 'portal', 0, 0 FROM accounts WHERE owner_id IS NULL",
                    (format!("{order}{name}{page}"), name, key),
                );
            }
            if page % 3 == 0 {
                store.execute("DELETE FROM accounts WHERE name IN ('Aaa', 'Comes', 'Zzz')", ());
            }
        }
        let mut ids: Vec<_> = seen
            .iter()
            .filter(|account| account["name"].as_str().expect("a name").starts_with("Stays"))
            .map(|account| account["id"].as_i64().expect("an id"))
            .collect();
        assert_eq!(ids.len(), 10_000, "{order}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10_000, "{order}");
    }
}

/// A listing says the number of accounts without counting them: it has to be right whatever was made and deleted.
#[tokio::test]
async fn a_listing_knows_how_many_accounts_there_are() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let count = async |token: &str| accord.get(token, "/api/accounts?$top=0").await.json()["count"].clone();
    let bootstrap = accord.token().await;
    // A reseller with a connector of its own, and another that the first one owns.
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id IN (?1, ?2)", (one.account, other.account));
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (one.account, other.account));
    accord.store().recount();
    let mut portals = vec![bootstrap];
    for person in [&one, &other] {
        let made = accord.make_connector(&person.token, &json!({ "name": "Portal" })).await;
        portals.push(accord.token_of(&made.client_id, &made.secret).await);
    }
    // One that belongs to both: what is below both counts once.
    let both = accord.person("Both").await;
    accord.join(one.account, both.id, "admin").await;
    accord.join(other.account, both.id, "viewer").await;

    let mut random = 7_u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    let owners = [admin.as_str(), &one.token, &other.token];
    let mut made: Vec<(usize, i64)> = Vec::new();
    for step in 0..60 {
        let who = next(3) as usize;
        match next(4) {
            0 => {
                let answer =
                    accord.post(owners[who], "/api/accounts", &json!({ "name": format!("Made {step}") })).await;
                assert_eq!(answer.status, 201, "{answer}");
                made.push((who, answer.number("id")));
            }
            1 if !made.is_empty() => {
                let (who, account) = made.swap_remove(next(u32::try_from(made.len()).expect("few")) as usize);
                assert_eq!(accord.delete(owners[who], &path(account)).await.status, 200);
            }
            // Many at once, some of them there already, some to be moved, some to go.
            _ => {
                let mut body = serde_json::Map::new();
                for _ in 0..next(12) {
                    let account = json!({ "name": "Pushed", "id": format!("{}", next(10)) });
                    let entry = if next(3) == 0 { Value::Null } else { account };
                    body.insert(format!("external {}", next(14)), entry);
                }
                let answer = accord.patch_accounts(&portals[who], &Value::Object(body)).await;
                assert_eq!(answer.status, 200, "{answer}");
            }
        }
        let wrong = accord.store().lines(
            "SELECT name, CAST(descendants AS TEXT) FROM accounts a WHERE descendants <> (
                 WITH RECURSIVE owned(id) AS (
                     SELECT id FROM accounts WHERE owner_id = a.id
                     UNION SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
                 SELECT count(*) FROM owned)",
        );
        assert!(wrong.is_empty(), "step {step}: {wrong:?}");
        if step % 10 == 0 {
            assert_eq!(count(&admin).await, json!(accord.store().number("SELECT count(*) FROM accounts")));
            let owned = |account| format!("SELECT 1 + descendants FROM accounts WHERE id = {account}");
            assert_eq!(count(&one.token).await, json!(accord.store().number(&owned(one.account))));
            assert_eq!(count(&other.token).await, json!(accord.store().number(&owned(other.account))));
            // And an account of that person's own.
            assert_eq!(count(&both.token).await, json!(accord.store().number(&owned(one.account)) + 1));
        }
    }
}

#[tokio::test]
async fn options_that_cost_too_much_over_so_many_accounts_are_refused() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let of =
        |option: &str, word: &str, number: usize, between: &str| (option.to_owned(), vec![word; number].join(between));
    let list = async |(option, value): &(String, String)| {
        let url = Url::parse_with_params(&accord.url("/api/accounts"), [(option, value)]).expect("an address");
        accord.get(&admin, &format!("/api/accounts?{}", url.query().expect("there are options"))).await
    };
    let costly = [
        of("$filter", "contains(tolower(description),'x')", 50, " or "),
        of("$filter", "length(toupper(tolower(name))) gt 200", 40, " or "),
        of("$search", "word", 120, " OR "),
    ];
    let cheap = [
        of("$filter", "contains(name,'x')", 10, " or "),
        of("$filter", "name eq 'x' and contains(tolower(description),'x')", 10, " and "),
        of("$search", "word", 10, " OR "),
        (
            "$orderby".to_owned(),
            "status,type,country desc,description,accountKey,registrationId,subdomain,name".to_owned(),
        ),
        ("$orderby".to_owned(), "createdAt desc".to_owned()),
    ];
    for options in costly.iter().chain(&cheap) {
        assert_eq!(list(options).await.status, 200, "{options:?} over few");
    }
    // How many there are is known of each account.
    accord.store().execute("UPDATE accounts SET descendants = 200000 WHERE owner_id IS NULL", ());
    for options in &cheap {
        assert_eq!(list(options).await.status, 200, "{options:?}");
    }
    for options in &costly {
        let refused = list(options).await;
        assert_eq!(refused.status, 400, "{options:?}");
        assert!(
            refused.json()["errors"][&options.0].as_str().is_some_and(|fault| fault.contains("too much work")),
            "{refused}"
        );
    }
}
