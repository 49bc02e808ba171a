// What a transaction of the sink leaves behind, whatever the server refuses and whenever it goes away.
#include <csignal>
#include <thread>

#include "postgres_batches.hpp"
#include "sluice/postgres/open.hpp"

namespace sluice::live {
namespace {

const Schema columns{{"id", {Kind::int32}}, {"name", {Kind::text}}};

class PostgresSink : public PostgresTest {
 protected:
  // Message i has the row (i + first, "row").
  static Rows rows_of(std::uint32_t count, std::int32_t first = 0) {
    Rows rows(columns);
    for (std::uint32_t i = 0; i < count; ++i) rows.row(i, {static_cast<std::int32_t>(i) + first, std::string("row")});
    return rows;
  }
  static std::string numbers(const std::vector<Reject>& rejects) {
    std::string out;
    for (const Reject& reject : rejects)
      out += std::to_string(reject.message) + " " + reject.reason + (reject.column.empty() ? "" : " " + reject.column) +
             "\n";
    return out;
  }
  std::string count(const std::string& table) { return sql("select count(*) from " + table); }
  std::string connections() {
    return sql(
        "select count(*) from pg_stat_activity where application_name like 'sluice/logins/user_logins' and datname = "
        "current_database()");
  }
};

TEST_F(PostgresSink, rows_and_keys_are_there_after_the_commit_only) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(3);
  const Delivery delivery = delivery_of(3);
  const auto known = into->begin(delivery);
  ASSERT_TRUE(known);
  const std::vector<Batch> batches{rows.batch()};
  ASSERT_TRUE(into->write(batches, *known));
  EXPECT_EQ(count("t"), "0");
  ASSERT_TRUE(into->commit({}));
  EXPECT_EQ(count("t"), "3");
  EXPECT_EQ(count("sluice.message"), "3");
}

TEST_F(PostgresSink, a_sink_destroyed_before_commit_leaves_nothing) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(3);
  const auto known = into->begin(delivery_of(3));
  const std::vector<Batch> batches{rows.batch()};
  ASSERT_TRUE(into->write(batches, *known));
  into.reset();
  EXPECT_EQ(count("t"), "0");
  EXPECT_EQ(count("sluice.message"), "0");
}

TEST_F(PostgresSink, known_messages_have_no_effect_by_either_way_of_writing_keys) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(10);
  Known known;
  move(*into, delivery_of(10, 100), rows, &known);
  EXPECT_EQ(known, Known(10, false));
  move(*into, delivery_of(10, 105), rows, &known);  // COPY finds a duplicate, INSERT takes over
  EXPECT_EQ(known, (Known{true, true, true, true, true, false, false, false, false, false}));
  move(*into, delivery_of(10, 110), rows, &known);  // INSERT at once
  EXPECT_EQ(known, (Known{true, true, true, true, true, false, false, false, false, false}));
  EXPECT_EQ(count("t"), "20");
  EXPECT_EQ(count("sluice.message"), "20");
}

TEST_F(PostgresSink, a_message_named_twice_in_a_delivery_counts_once) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Delivery delivery = delivery_of(4);
  delivery.messages[2].key = delivery.messages[0].key;
  delivery.messages[3].key = delivery.messages[0].key;
  Rows rows = rows_of(4);
  Known known;
  move(*into, delivery, rows, &known);
  EXPECT_EQ(known, (Known{false, false, true, true}));
  EXPECT_EQ(sql("select id from t order by id"), "0\n1");
}

TEST_F(PostgresSink, rows_that_a_check_refuses_are_halved_out) {
  sql("create table t (id int constraint small check (id not in (0, 77, 78, 499)), name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(500);
  const auto rejects = move(*into, delivery_of(500), rows);
  EXPECT_EQ(numbers(rejects), "0 check_violation\n77 check_violation\n78 check_violation\n499 check_violation\n");
  EXPECT_NE(rejects[0].text.find("constraint \"small\""), std::string::npos);
  EXPECT_EQ(count("t"), "496");
  EXPECT_EQ(
      sql("select reason || ' ' || stage || ' ' || run || ' ' || encode(payload, 'hex') from sluice.reject group by 1"),
      "check_violation sink 7 7365616c656400ff");
}

TEST_F(PostgresSink, every_row_may_be_refused) {
  sql("create table t (id int check (id < 0), name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(40);
  EXPECT_EQ(move(*into, delivery_of(40), rows).size(), 40U);
  EXPECT_EQ(count("sluice.reject"), "40");
}

TEST_F(PostgresSink, of_two_equal_rows_the_second_breaks_a_unique_even_a_deferred_one) {
  for (const std::string deferred : {"", " deferrable initially deferred"}) {
    sql("drop table if exists t; create table t (id int constraint once unique" + deferred + ", name text)");
    auto database = open();
    auto into = sink(*database, target("t", columns));
    Rows rows(columns);
    for (std::uint32_t i = 0; i < 20; ++i) rows.row(i, {static_cast<std::int32_t>(i % 18), std::string("row")});
    const auto rejects = move(*into, delivery_of(20, deferred.empty() ? 0 : 1000), rows);
    EXPECT_EQ(numbers(rejects), "18 unique_violation\n19 unique_violation\n");
    EXPECT_EQ(count("t"), "18");
  }
}

TEST_F(PostgresSink, foreign_keys_and_triggers_refuse_rows_without_telling_values) {
  sql("create table parent (id int primary key); insert into parent values (1), (2), (3);"
      "create table t (id int references parent initially deferred, name text);"
      "create function refuse() returns trigger language plpgsql as $$ begin "
      "if new.id = 2 then raise exception 'no % please', new.name using constraint = new.name, column = new.name; end "
      "if; return new; end $$;"
      "create trigger refuse before insert on t for each row execute function refuse()");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows(columns);
  for (std::uint32_t i = 0; i < 5; ++i) rows.row(i, {static_cast<std::int32_t>(i), std::string("canary-4711")});
  const auto rejects = move(*into, delivery_of(5), rows);
  EXPECT_EQ(numbers(rejects), "0 foreign_key_violation\n2 raise_exception\n4 foreign_key_violation\n");
  for (const Reject& reject : rejects) EXPECT_EQ(reject.text.find("canary"), std::string::npos) << reject.text;
  EXPECT_EQ(sql("select id from t order by id"), "1\n3");
}

TEST_F(PostgresSink, a_message_with_one_refused_row_has_none_written) {
  sql("create table t (id int check (id <> 5), name varchar(3))");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows first(columns);
  first.row(0, {1, std::string("a")})
      .row(0, {2, std::string("toolong")})
      .row(1, {3, std::string("b")})
      .row(1, {4, std::string("b")});
  Rows second(columns);  // message 1 goes on here; 2 was filtered
  second.row(1, {5, std::string("b")}).row(3, {6, std::string("c")}).row(3, {7, std::string("c")});
  const Delivery delivery = delivery_of(4);
  const auto known = into->begin(delivery);
  const std::vector<Batch> batches{first.batch(), second.batch()};
  const auto rejects = into->write(batches, *known);
  ASSERT_TRUE(rejects) << rejects.error().text();
  EXPECT_EQ(numbers(*rejects), "0 too_long name\n1 check_violation\n");
  ASSERT_TRUE(into->commit(sealed(delivery, *rejects)));
  EXPECT_EQ(sql("select id from t order by id"), "6\n7");
}

TEST_F(PostgresSink, null_and_length_are_checked_before_the_server_sees_them) {
  sql("create table t (id int not null, name varchar(3))");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows(columns);
  rows.row(0, {{}, std::string("a")}).row(1, {1, std::string("abcd")}).row(2, {2, {}});
  EXPECT_EQ(numbers(move(*into, delivery_of(3), rows)), "0 null_not_allowed id\n1 too_long name\n");
  EXPECT_EQ(count("t"), "1");
}

TEST_F(PostgresSink, sinks_that_race_on_the_same_keys_write_each_once) {
  sql("create table t (id int, name text)");
  auto database = open();
  const Target into = target("t", columns);
  std::vector<std::unique_ptr<Sink>> sinks;
  for (int i = 0; i < 4; ++i) sinks.push_back(sink(*database, into));
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < sinks.size(); ++worker) {
    threads.emplace_back([&, worker] {
      for (std::uint64_t round = 0; round < 20; ++round) {
        // Overlapping deliveries, each worker's from another end.
        const std::uint64_t first = (worker % 2 == 0 ? round : 19 - round) * 50;
        const Delivery delivery = delivery_of(100, first);
        Rows rows = rows_of(100, static_cast<std::int32_t>(first));
        const std::vector<Batch> batches{rows.batch()};
        for (bool done = false; !done;) {
          const auto known = sinks[worker]->begin(delivery);
          done = known && sinks[worker]->write(batches, *known) && sinks[worker]->commit({});
          if (!done) sinks[worker]->rollback();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sql("select count(*) || ' ' || count(distinct id) from t"), "1050 1050");
  EXPECT_EQ(count("sluice.message"), "1050");
}

TEST_F(PostgresSink, a_lost_connection_is_transient_and_the_delivery_can_be_done_again) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(3);
  const std::vector<Batch> batches{rows.batch()};
  const std::string end_all =
      "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = "
      "'sluice/logins/user_logins'";
  const Delivery delivery = delivery_of(3);
  for (int step = 0; step < 3; ++step) {
    auto known = into->begin(delivery);
    ASSERT_TRUE(known) << known.error().text();
    if (step == 0) sql(end_all);
    const auto written = into->write(batches, *known);
    if (step == 0) {
      ASSERT_FALSE(written);
      EXPECT_TRUE(written.error().retryable()) << written.error().text();
      into->rollback();
      continue;
    }
    ASSERT_TRUE(written);
    if (step == 1) sql(end_all);
    const auto committed = into->commit({});
    EXPECT_EQ(committed.has_value(), step == 2);
    EXPECT_TRUE(committed || committed.error().retryable());
    into->rollback();
  }
  EXPECT_EQ(count("t"), "3");
  EXPECT_EQ(count("sluice.message"), "3");
}

TEST_F(PostgresSink, a_connection_that_was_closed_while_it_idled_is_made_anew) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows = rows_of(3);
  move(*into, delivery_of(3), rows);
  sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'sluice/%'");
  move(*into, delivery_of(3, 10), rows);
  EXPECT_EQ(database->count_rows({"", "t"}).value_or(0), 6U);
}

TEST_F(PostgresSink, an_open_transaction_of_nothing_tells_whether_the_server_is_back) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  EXPECT_TRUE(into->begin(Delivery{}));
  into->rollback();
  EXPECT_EQ(connections(), "1");
  sql("alter database " + database_ + " set default_transaction_read_only = on");
  into = nullptr;
  auto again = database->open_sink(target("t", columns), 1);
  const auto begun = (*again)->begin(Delivery{});
  ASSERT_FALSE(begun);
  EXPECT_TRUE(begun.error().retryable()) << begun.error().text();
}

TEST_F(PostgresSink, a_replay_takes_the_reject_out_with_its_row) {
  sql("create table t (id int constraint even check (id % 2 = 0), name text)");
  auto database = open();
  const Target to = target("t", columns);
  auto into = sink(*database, to);
  Rows rows = rows_of(6);
  EXPECT_EQ(move(*into, delivery_of(6, 50), rows).size(), 3U);
  auto kept = database->ledger().rejects(to, 10, true);
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 3U);

  // Replayed under their ids: the first is good now, the second is refused again, the third was dropped meanwhile.
  const std::vector<Key> ids{(*kept)[0].id, (*kept)[1].id, (*kept)[2].id};
  EXPECT_EQ(database->ledger().drop_rejects(to, {ids[2]}).value_or(0), 1U);
  Delivery replay;
  replay.proof = Proof::reject_ids;
  for (const Key& id : ids) replay.messages.push_back({id, {}, {}, 0, 1, "{}"});
  Rows mended(columns);
  mended.row(0, {100, std::string("mended")})
      .row(1, {101, std::string("still odd")})
      .row(2, {102, std::string("gone")});
  Known known;
  EXPECT_EQ(numbers(move(*into, replay, mended, &known)), "1 check_violation\n");
  EXPECT_EQ(known, (Known{false, false, true}));
  EXPECT_EQ(sql("select id from t order by id"), "0\n2\n4\n100");

  const auto left = database->ledger().rejects(to, 10, false);
  ASSERT_EQ(left->size(), 1U);
  EXPECT_EQ((*left)[0].id, ids[1]);
  EXPECT_EQ((*left)[0].key, (*kept)[1].key);  // of the message, as at first
}

TEST_F(PostgresSink, rejects_go_to_the_flows_own_table) {
  sql("create table t (id int check (id > 0), name text)");
  auto database = open();
  Target to = target("t", columns);
  to.rejects = TableName{"", "t_rejects"};
  auto into = sink(*database, to);
  Rows rows = rows_of(3);
  move(*into, delivery_of(3), rows);
  EXPECT_EQ(sql("select reason from t_rejects"), "check_violation");
  EXPECT_EQ(count("sluice.reject"), "0");
  EXPECT_EQ(database->ledger().rejects(to, 10, false)->size(), 1U);
  EXPECT_EQ(database->ledger().drop_rejects(to, {}).value_or(0), 1U);
  EXPECT_EQ(count("t_rejects"), "0");
}

TEST_F(PostgresSink, rejects_of_other_stages_and_of_odd_bytes_are_kept) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  const Delivery delivery = delivery_of(1);
  const auto known = into->begin(delivery);
  ASSERT_TRUE(into->write({}, *known));
  const std::vector<Reject> rejects{
      {0, Stage::contract, "missing_field", std::string("\xff\0id", 4), "a field is missing"}};
  const auto committed = into->commit(sealed(delivery, rejects));
  ASSERT_TRUE(committed) << committed.error().text();
  EXPECT_EQ(sql("select stage || ' ' || reason || ' ' || column_name from sluice.reject"),
            "contract missing_field ??id");
}

TEST_F(PostgresSink, a_table_changed_under_the_run_is_no_fault_of_the_rows) {
  sql("create table t (id int, name text)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  sql("alter table t alter id type bigint");
  Rows rows = rows_of(3);
  const std::vector<Batch> batches{rows.batch()};
  const auto known = into->begin(delivery_of(3));
  const auto written = into->write(batches, *known);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().fault, Fault::conflict) << written.error().text();
}

TEST_F(PostgresSink, a_durable_server_killed_after_a_commit_still_holds_it) {
  const auto own = support::PostgresServer::start({.durable = true});
  own->sql("create table t (id int, name text)");
  Settings there = settings();
  there.values["postgres"].text = own->url();
  const auto database = postgres::open_postgres(there, system_clock());
  auto into = sink(**database, target("t", columns));
  Rows rows = rows_of(3);
  const std::vector<Batch> batches{rows.batch()};
  move(*into, delivery_of(3), rows);
  const auto known = into->begin(delivery_of(3, 10));
  ASSERT_TRUE(into->write(batches, *known));
  own->kill();
  const auto committed = into->commit({});
  ASSERT_FALSE(committed);
  EXPECT_TRUE(committed.error().retryable()) << committed.error().text();
  into->rollback();
  const auto down = into->begin(delivery_of(3, 10));
  ASSERT_FALSE(down);
  EXPECT_TRUE(down.error().retryable());
  EXPECT_NE(down.error().text().find("cannot connect to PostgreSQL at 127.0.0.1:"), std::string::npos)
      << down.error().text();
  own->start_again();
  Known again;
  move(*into, delivery_of(3, 10), rows, &again);
  EXPECT_EQ(again, Known(3, false));
  EXPECT_EQ(own->sql("select count(*) from t"), "6");
}

}  // namespace
}  // namespace sluice::live
