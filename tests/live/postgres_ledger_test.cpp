// Making and reading the ledger, comparing tables, connecting: and what is said when it does not work.
#include <thread>

#include "postgres_batches.hpp"
#include "sluice/postgres/open.hpp"

namespace sluice::live {
namespace {

const Schema columns{{"id", {Kind::int32}}, {"name", {Kind::text}}};

class PostgresLedger : public PostgresTest {
 protected:
  // The error of prepare(), as a user reads it.
  std::string refusal(const Target& target, Fault fault, const std::string& user = "postgres",
                      const std::string& ledger = "") {
    const auto database = open(user, ledger);
    const auto prepared = database->prepare(target);
    if (prepared) return "no error";
    EXPECT_EQ(prepared.error().fault, fault) << prepared.error().text();
    const std::string text = prepared.error().text();
    return text.substr(text.find(": ") + 2);
  }
  std::string connect_error(const std::string& url, Fault fault) {
    Settings there = settings();
    there.values["postgres"].text = url;
    const auto database = postgres::open_postgres(there, system_clock());
    if (!database) {
      EXPECT_EQ(database.error().fault, fault);
      return database.error().text();
    }
    const auto found = (*database)->has_table({"", "t"});
    if (found) return "no error";
    EXPECT_EQ(found.error().fault, fault) << found.error().text();
    return found.error().text();
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

TEST_F(PostgresLedger, eight_processes_may_make_it_and_the_table_at_once) {
  std::vector<std::thread> threads;
  std::vector<std::string> errors(8);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    threads.emplace_back([&, i] {
      Target to = target("t", columns);
      to.create = CreateTable{"create table t (id integer, name text)", "t.sql"};
      to.flow = i % 2 == 0 ? "a" : "b";
      to.rejects = TableName{"", "t_rejects"};
      const auto database = postgres::open_postgres(settings(), system_clock());
      if (const auto prepared = (*database)->prepare(to); !prepared) errors[i] = prepared.error().text();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) EXPECT_EQ(error, "");
  EXPECT_EQ(sql("select count(*) from sluice.flow"), "2");
  EXPECT_EQ(sql("select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) from "
                "information_schema.columns where table_name = 't'"),
            "id integer, name text");
}

TEST_F(PostgresLedger, a_table_is_made_by_a_file_that_may_hold_several_statements) {
  Target to = target("t", columns);
  to.create =
      CreateTable{"create table if not exists t (id integer, name varchar(8));\ncreate index on t (id);\n", "t.sql"};
  auto into = sink(*open(), to);
  EXPECT_EQ(sql("select count(*) from pg_indexes where tablename = 't'"), "1");
  // It is there now: the file is not run again.
  to.create->sql = "drop table t";
  into = sink(*open(), to);
  EXPECT_EQ(sql("select count(*) from t"), "0");
}

TEST_F(PostgresLedger, without_a_file_a_table_gets_the_columns_of_the_select) {
  Target to = target(
      "t", {{"a", {Kind::boolean}}, {"b", {Kind::decimal, 12, 3}}, {"c", {Kind::json}}, {"d d", {Kind::timestamp_tz}}});
  to.create = CreateTable{};
  sink(*open(), to);
  EXPECT_EQ(sql("select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute where attrelid = "
                "'t'::regclass and attnum > 0 order by attnum"),
            "a boolean\nb numeric(12,3)\nc jsonb\nd d timestamp with time zone");
  to.table.schema = "elsewhere";
  sink(*open(), to);
  EXPECT_EQ(sql("select count(*) from elsewhere.t"), "0");
}

TEST_F(PostgresLedger, a_missing_schema_is_asked_for_where_the_role_may_not_make_it) {
  Target to = target("t", columns);
  to.table.schema = "nowhere";
  to.create = CreateTable{};
  const std::string user = database_ + "_clerk";
  server().make_user(user);
  sql("create schema sluice authorization " + user);
  EXPECT_TRUE(has(refusal(to, Fault::denied, user), "make the schema first: CREATE SCHEMA \"nowhere\""));
}

TEST_F(PostgresLedger, a_file_that_is_wrong_is_named_with_its_line) {
  Target to = target("t", columns);
  to.create = CreateTable{"-- a table\ncreate table t (\n  id integr);", "t.sql"};
  EXPECT_EQ(refusal(to, Fault::conflict),
            "make table \"t\" by t.sql:3: undefined_object (42704): type \"integr\" does not exist");
  to.create = CreateTable{"create table other (id integer);", "t.sql"};
  EXPECT_TRUE(has(refusal(to, Fault::conflict),
                  "there is no table \"t\" in database \"" + database_ + "\", although t.sql was run"));
  EXPECT_TRUE(has(refusal(target("t", columns), Fault::conflict), "`create: FILE.sql`"));
}

TEST_F(PostgresLedger, a_table_of_another_shape_is_refused_with_every_name_and_never_altered) {
  sql("create table t (idd integer, name text, extra date, filled date default now(), made int generated always as "
      "identity)");
  const std::string before =
      sql("select string_agg(attname || atttypid || attnum, ',' order by attnum) from pg_attribute where attrelid = "
          "'t'::regclass");
  EXPECT_EQ(refusal(target("t", {{"id", {Kind::int32}}, {"name", {Kind::text}}}), Fault::conflict),
            "table \"public.t\": column \"id\" (did you mean \"idd\"?) of the select not in the table; columns "
            "\"idd\", \"extra\" of the table not in the select, "
            "without a default; rename or leave out what the table lacks, and add what the select lacks, `null as "
            "NAME` if it is to stay empty");
  EXPECT_EQ(
      refusal(target("t", {{"idd", {Kind::text}}, {"NAME", {Kind::text}}, {"extra", {Kind::date}}}), Fault::conflict),
      "table \"public.t\": column \"idd\": the select gives text, the table has integer; cast it in the select: "
      "cast(idd as ...)");
  EXPECT_EQ(before, sql("select string_agg(attname || atttypid || attnum, ',' order by attnum) from pg_attribute where "
                        "attrelid = 't'::regclass"));
  EXPECT_EQ(sql("select count(*) from pg_namespace where nspname = 'sluice'"), "0");

  const Schema right{{"idd", {Kind::int32}}, {"NAME", {Kind::text}}, {"extra", {Kind::date}}};
  auto database = open();
  auto into = sink(*database, target("t", right));
  Rows rows(right);
  rows.row(0, {1, std::string("a"), 0});
  move(*into, delivery_of(1), rows);
  EXPECT_EQ(sql("select name || made || (filled = current_date) from t"), "a1true");
  EXPECT_EQ(before, sql("select string_agg(attname || atttypid || attnum, ',' order by attnum) from pg_attribute where "
                        "attrelid = 't'::regclass"));
}

TEST_F(PostgresLedger, names_are_quoted_whatever_they_hold) {
  sql("create schema \"My \"\"own\"; create table \"My \"\"own\".\"select; --\" (\"Ünïcode \"\" name\" int)");
  const Schema odd{{"Ünïcode \" name", {Kind::int32}}};
  Target to = target("", odd);
  to.table = {"My \"own", "select; --"};
  auto database = open("postgres", "led\"ger");
  auto into = sink(*database, to);
  Rows rows(odd);
  rows.row(0, {1});
  move(*into, delivery_of(1), rows);
  EXPECT_EQ(database->count_rows(to.table).value_or(0), 1U);
  EXPECT_EQ(sql("select count(*) from \"led\"\"ger\".sluice_message"), "1");
}

TEST_F(PostgresLedger, a_role_without_rights_is_told_which_grant_or_setting_helps) {
  static int count = 0;
  const std::string user = "loader" + std::to_string(++count);
  server().make_user(user);
  sql("create schema work; create table work.t (id int, name text)");
  Target to = target("t", columns);
  to.table.schema = "work";
  EXPECT_TRUE(has(refusal(to, Fault::denied, user), "GRANT USAGE ON SCHEMA \"work\" TO \"" + user + "\""));
  sql("grant usage on schema work to " + user);
  EXPECT_TRUE(has(refusal(to, Fault::denied, user), "GRANT INSERT ON \"work\".\"t\" TO \"" + user + "\""));
  sql("grant insert on work.t to " + user);
  const std::string no_schema = refusal(to, Fault::denied, user);
  EXPECT_TRUE(has(no_schema, "GRANT CREATE ON DATABASE \"" + database_ + "\" TO \"" + user + "\"") &&
              has(no_schema, "`ledger: SCHEMA`"))
      << no_schema;
  EXPECT_TRUE(
      has(refusal(to, Fault::denied, user, "work"), "GRANT USAGE, CREATE ON SCHEMA \"work\" TO \"" + user + "\""));
  for (const Finding& finding : open(user)->probe({{to}, true, false})) EXPECT_FALSE(has(finding.what, "will be made"));

  // In a schema of its own it works, and afterwards without the right to create.
  sql("create schema mine; grant usage, create on schema mine to " + user);
  auto into = sink(*open(user, "mine"), to);
  sql("revoke create on schema mine from " + user);
  into = sink(*open(user, "mine"), to);
  Rows rows(columns);
  rows.row(0, {1, std::string("a")});
  move(*into, delivery_of(1), rows);
  EXPECT_EQ(sql("select count(*) from mine.sluice_message"), "1");
}

TEST_F(PostgresLedger, a_ledger_of_a_later_version_or_a_foreign_table_is_left_alone) {
  sql("create table t (id int, name text)");
  sink(*open(), target("t", columns));
  sql("insert into sluice.version (number) values (99)");
  EXPECT_TRUE(has(refusal(target("t", columns), Fault::conflict),
                  "is of version 99, this program knows version 5; use the newer sluice"));
  sql("create schema other; create table other.sluice_version (v text)");
  EXPECT_TRUE(has(refusal(target("t", columns), Fault::conflict, "postgres", "other"),
                  "other.sluice_version is no table of the ledger"));
  sql("create table t_rejects (id int)");
  Target to = target("t", columns);
  to.rejects = TableName{"", "t_rejects"};
  sql("delete from sluice.version where number = 99");
  EXPECT_TRUE(has(refusal(to, Fault::conflict),
                  "\"t_rejects\" has not the shape of a table of rejects: column \"id\" should be uuid"));
}

TEST_F(PostgresLedger, runs_and_key_checks_come_back_as_they_were_written) {
  auto database = open();
  Ledger& ledger = database->ledger();
  EXPECT_TRUE(ledger.runs("logins", 5)->empty());
  EXPECT_FALSE(ledger.key_check("k1")->has_value());
  EXPECT_TRUE(ledger.rejects(target("t", columns), 5, true)->empty());
  EXPECT_EQ(ledger.prune(std::chrono::hours(1), 10).value_or(9), 0U);

  RunRecord run{0, "logins", "user_logins", "0.1.0", "running", 1700000000123456, 0, 0, {}};
  const auto id = ledger.start_run(run);
  ASSERT_TRUE(id) << id.error().text();
  EXPECT_EQ(ledger.runs("logins", 5)->front().finished, 0);
  run.id = *id;
  run.status = "done";
  run.finished = 1700000001999999;
  run.received = 100;
  run.written = {90, 95, 5, 3, 2};
  ASSERT_TRUE(ledger.finish_run(run));
  ASSERT_TRUE(ledger.start_run(run));
  const auto runs = ledger.runs("logins", 5);
  ASSERT_EQ(runs->size(), 2U);
  const RunRecord& back = (*runs)[1];
  EXPECT_EQ(back.id, run.id);
  EXPECT_EQ(back.flow + back.version + back.status, "user_logins0.1.0done");
  EXPECT_EQ(back.started, run.started);
  EXPECT_EQ(back.finished, run.finished);
  EXPECT_EQ(back.received, 100U);
  EXPECT_EQ(back.written.rows + back.written.known, 97U);
  EXPECT_EQ(ledger.runs("logins", 1)->size(), 1U);
  EXPECT_TRUE(ledger.runs("another", 5)->empty());

  ASSERT_TRUE(ledger.remember_key("k1", "abc"));
  ASSERT_TRUE(ledger.remember_key("k1", "other"));
  EXPECT_EQ(ledger.key_check("k1")->value_or(""), "abc");
  EXPECT_EQ(ledger.key_ids()->size(), 1U);
}

TEST_F(PostgresLedger, old_message_keys_are_forgotten_a_piece_at_a_time) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows none(columns);
  move(*into, delivery_of(100), none);
  sql("update sluice.message set at = now() - interval '30 hours' where key < '00000000-0000-0000-0000-000000000046'");
  EXPECT_EQ(database->ledger().prune(std::chrono::hours(31), 50).value_or(9), 0U);
  EXPECT_EQ(database->ledger().prune(std::chrono::hours(29), 50).value_or(9), 50U);
  EXPECT_EQ(database->ledger().prune(std::chrono::hours(29), 50).value_or(9), 20U);
  EXPECT_EQ(sql("select count(*) from sluice.message"), "30");
}

TEST_F(PostgresLedger, connecting_fails_in_words_that_help_and_without_the_password) {
  const std::string port = std::to_string(server().port());
  server().make_user("ann_" + database_);
  std::string error =
      connect_error("postgresql://ann_" + database_ + ":wrong-canary@127.0.0.1:" + port + "/postgres", Fault::denied);
  EXPECT_EQ(error, "cannot connect to PostgreSQL at 127.0.0.1:" + port + ": the password of user \"ann_" + database_ +
                       "\" is wrong (28P01); check user and password of the connection, or PGPASSWORD");
  error = connect_error("postgresql://ann_" + database_ + "@127.0.0.1:" + port + "/postgres", Fault::denied);
  EXPECT_TRUE(has(error, "needs a password")) << error;
  error = connect_error("postgresql://postgres@127.0.0.1:" + port + "/nowhere", Fault::config);
  EXPECT_TRUE(has(error, "there is no database \"nowhere\" (3D000)") && has(error, "CREATE DATABASE \"nowhere\""))
      << error;
  error = connect_error("postgresql://postgres:canary@127.0.0.1:" + std::to_string(support::free_port()) + "/postgres",
                        Fault::transient);
  EXPECT_TRUE(has(error, "connection refused; check that the server runs there") && !has(error, "canary")) << error;
  error = connect_error("postgresql://postgres@127.0.0.1:" + port + "/postgres?sslmode=require", Fault::denied);
  EXPECT_TRUE(has(error, "sslmode")) << error;
  sql("create table t (id int)");
  error = connect_error("postgresql://postgres@127.0.0.1:" + std::to_string(support::free_port()) +
                            ",127.0.0.1:" + port + "/" + database_,
                        Fault::failed);
  EXPECT_EQ(error, "no error");
}

TEST_F(PostgresLedger, doctor_sees_what_prepare_would_say_and_changes_nothing) {
  sql("create unlogged table t (id int, name text)");
  auto database = open();
  const Target to = target("t", columns);
  std::string all;
  for (const Finding& finding : database->probe({{to}, true, false})) all += finding.what + "\n";
  EXPECT_TRUE(has(all, ": PostgreSQL 15.")) << all;
  EXPECT_TRUE(has(all, "the ledger's schema \"sluice\" will be made by the first run")) << all;
  EXPECT_TRUE(has(all, "takes the 2 columns of the select")) << all;
  EXPECT_TRUE(has(all, "UNLOGGED")) << all;
  EXPECT_TRUE(has(all, "fsync")) << all;
  EXPECT_EQ(sql("select count(*) from pg_namespace where nspname = 'sluice'"), "0");
  sink(*database, to);
  all.clear();
  for (const Finding& finding : database->probe({{to}, true, false})) all += finding.what + "\n";
  EXPECT_TRUE(has(all, "the ledger's schema \"sluice\" is there, version 5")) << all;
}

TEST_F(PostgresLedger, doctor_looks_at_every_table_and_at_the_rights_that_its_mode_needs) {
  const std::string user = database_ + "_loader";
  server().make_user(user);
  sql("create table a (id int primary key, name text); create table b (id int primary key, name text); create table c "
      "(id int, nmae text); grant insert on a, b, c to " +
      user);
  const auto on = [this](const std::string& table, Mode mode) {
    Target to = target(table, columns);
    to.mode = mode;
    to.key = {"id"};
    return to;
  };
  const DatabaseUse use{{on("a", Mode::replace), on("b", Mode::merge), on("c", Mode::append)}, true, false};
  std::string all;
  for (const Finding& finding : open(user)->probe(use)) all += finding.what + "; " + finding.hint + "\n";
  EXPECT_TRUE(has(all, "GRANT DELETE ON \"public\".\"a\"")) << all;
  EXPECT_TRUE(has(all, "GRANT UPDATE ON \"public\".\"b\"")) << all;
  EXPECT_TRUE(has(all, "\"nmae\"") || has(all, "\"name\"")) << all;
  sql("grant update on b to " + user);
  all.clear();
  for (const Finding& finding : open(user)->probe(use)) all += finding.what + "; " + finding.hint + "\n";
  EXPECT_TRUE(has(all, "GRANT SELECT ON \"public\".\"b\"")) << all;
}

TEST_F(PostgresLedger, doctor_looks_at_the_rights_on_tables_of_rejects_and_of_models) {
  const std::string user = database_ + "_modeller";
  server().make_user(user);
  sql("create schema closed; create table closed.refused (id int); create table closed.daily (id int); create table "
      "closed.total (id int); create view closed.seen as select 1 as id; grant usage on schema closed to " +
      user + "; grant select, insert on closed.daily, closed.total, closed.refused to " + user);
  Target to = target("t", columns);
  to.create = CreateTable{};
  to.rejects = TableName{"closed", "refused"};
  DatabaseUse use{{to}, true, false};
  use.models = {{{"closed", "daily"}, Materialize::table},
                {{"closed", "total"}, Materialize::upsert},
                {{"closed", "seen"}, Materialize::view},
                {{"closed", "fresh"}, Materialize::table},
                {{"nowhere", "fresh"}, Materialize::table}};
  const auto all = [&] {
    std::string text;
    for (const Finding& finding : open(user)->probe(use)) text += finding.what + "; " + finding.hint + "\n";
    return text;
  };
  std::string found = all();
  for (const std::string hint :
       {"GRANT UPDATE, DELETE ON \"closed\".\"refused\" TO", "GRANT DELETE ON \"closed\".\"daily\" TO",
        "GRANT UPDATE ON \"closed\".\"total\" TO", "ALTER VIEW \"closed\".\"seen\" OWNER TO",
        "GRANT USAGE, CREATE ON SCHEMA \"closed\" TO", "CREATE SCHEMA \"nowhere\" AUTHORIZATION"}) {
    EXPECT_TRUE(has(found, hint)) << hint << "\n" << found;
  }
  sql("grant all on all tables in schema closed to " + user + "; grant create on schema closed to " + user +
      "; alter view closed.seen owner to " + user + "; create schema nowhere authorization " + user);
  found = all();
  EXPECT_FALSE(has(found, "closed")) << found;
  EXPECT_FALSE(has(found, "nowhere")) << found;
}

TEST_F(PostgresLedger, doctor_asks_for_a_ledger_only_where_it_is_needed) {
  const std::string user = database_ + "_clerk";
  server().make_user(user);
  for (const Finding& finding : open(user)->probe({})) EXPECT_FALSE(has(finding.what, "ledger")) << finding.what;
  bool told = false;
  for (const Finding& finding : open(user)->probe({{}, false, true})) {
    EXPECT_NE(finding.level, Finding::Level::bad) << finding.what;
    told = told || has(finding.what, "sluice serve");
  }
  EXPECT_TRUE(told);
}

TEST_F(PostgresLedger, first_rows_show_null_apart_from_an_empty_text) {
  sql("create table t (id int, name text); insert into t values (1, null), (2, '')");
  auto database = open();
  const auto rows = database->first_rows({"", "t"}, 5);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->names, (std::vector<std::string>{"id", "name"}));
  EXPECT_EQ(rows->rows[0][1], std::nullopt);
  EXPECT_EQ(rows->rows[1][1], "");
  EXPECT_FALSE(database->has_table({"nowhere", "t"}).value_or(true));
  EXPECT_FALSE(database->first_rows({"", "none"}, 5));
}

}  // namespace
}  // namespace sluice::live
