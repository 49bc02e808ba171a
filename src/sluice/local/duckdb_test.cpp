// A DuckDB file as a database, told as stories of deliveries that go in once.
#include "sluice/local/duckdb_database.hpp"

#include <duckdb.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>

#include "sluice/core/batch_builder.hpp"
#include "sluice/core/words.hpp"

namespace sluice::local {
namespace {

namespace fs = std::filesystem;

// Rows built by hand, one a message unless told otherwise.
class RowsOf {
 public:
  explicit RowsOf(Schema columns) : schema_(std::make_shared<Schema>(std::move(columns))) {
    for (std::size_t i = 0; i < schema_->size(); ++i) columns_.emplace_back();
  }
  RowsOf& row(std::uint32_t message) {
    origin_.push_back(message);
    return *this;
  }
  template <class T>
  RowsOf& value(std::size_t column, const T& value) {
    return bytes(column, &value, sizeof value, true);
  }
  RowsOf& text(std::size_t column, std::string value) {
    texts_.push_back(std::move(value));
    return this->value(column, Text(texts_.back()));
  }
  RowsOf& null(std::size_t column, std::size_t size) {
    const std::array<char, 16> nothing{};
    return bytes(column, nothing.data(), size, false);
  }
  // Valid while this lives and is not changed.
  Batch batch() const {
    Batch batch;
    batch.schema = schema_;
    for (const Column& column : columns_) batch.vectors.push_back({column.bytes.data(), column.valid.data()});
    batch.rows = origin_.size();
    batch.origin = origin_.data();
    return batch;
  }
  const Schema& schema() const { return *schema_; }

 private:
  struct Column {
    std::vector<char> bytes;
    std::vector<std::uint64_t> valid;
    std::size_t rows = 0;
  };
  RowsOf& bytes(std::size_t number, const void* value, std::size_t size, bool valid) {
    Column& column = columns_[number];
    const char* from = static_cast<const char*>(value);
    column.bytes.insert(column.bytes.end(), from, from + size);
    if (column.rows % 64 == 0) column.valid.push_back(0);
    if (valid) column.valid.back() |= std::uint64_t{1} << (column.rows % 64);
    ++column.rows;
    return *this;
  }

  std::shared_ptr<Schema> schema_;
  std::vector<Column> columns_;
  std::vector<std::uint32_t> origin_;
  std::deque<std::string> texts_;
};

// A key that grows with `number`, as those of a queue do.
Key key(std::uint64_t number) {
  Key made;
  for (std::size_t i = 0; i < 8; ++i) made.bytes[7 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  made.bytes[15] = 0x80;
  return made;
}

Delivery delivery(std::uint64_t from, std::size_t count) {
  Delivery made;
  for (std::size_t i = 0; i < count; ++i) made.messages.push_back({key(from + i), {}, {}, 0, 1, {}});
  return made;
}

const Schema name_and_number{{"name", {Kind::text, 0, 0}}, {"number", {Kind::int32, 0, 0}}};

RowsOf numbered(std::uint32_t count, std::int32_t from = 0) {
  RowsOf rows(name_and_number);
  for (std::uint32_t i = 0; i < count; ++i) {
    rows.row(i)
        .text(0, "a name that is longer than twelve bytes " + std::to_string(i))
        .value(1, from + static_cast<std::int32_t>(i));
  }
  return rows;
}

// The sanitizers keep freed memory for a while.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t resident_slack_kib = 512 * 1024;
#else
constexpr std::size_t resident_slack_kib = 64 * 1024;
#endif

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

class DuckdbTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sluice-duckdb-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    database_.reset();
    fs::remove_all(folder_);
  }

  std::unique_ptr<Database> open(const std::string& memory = "") const {
    Settings settings;
    settings.folder = folder_.string();
    settings.values["duckdb"] = {"warehouse.duckdb", {}, {}};
    if (!memory.empty()) settings.values["memory_limit"] = {memory, {}, {}};
    return open_duckdb(settings, system_clock()).value();
  }
  static Target target(const std::string& create_sql, Schema columns = name_and_number) {
    Target made;
    made.project = "logins";
    made.flow = "people";
    made.table = {"", "people"};
    made.create = CreateTable{create_sql, create_sql.empty() ? "" : "people.sql"};
    made.columns = std::move(columns);
    return made;
  }
  // Prepared, with a sink of run 1.
  std::unique_ptr<Sink> sink(const Target& to) {
    database_ = open();
    const auto prepared = database_->prepare(to);
    EXPECT_TRUE(prepared) << prepared.error().text();
    return database_->open_sink(to, 1).value();
  }
  // Through the spine; gives the refused.
  static std::vector<Reject> write(Sink& to, const Delivery& from, const RowsOf& rows) {
    const Known known = to.begin(from).value();
    const Batch batch = rows.batch();
    auto refused = to.write(std::span(&batch, 1), known);
    EXPECT_TRUE(refused) << refused.error().text();
    std::vector<SealedReject> sealed;
    for (const Reject& reject : *refused) sealed.push_back({reject, from.messages[reject.message].key, "sealed"});
    const auto committed = to.commit(sealed);
    EXPECT_TRUE(committed) << committed.error().text();
    return *refused;
  }
  std::uint64_t rows() { return database_->count_rows({"", "people"}).value(); }

  fs::path folder_;
  std::unique_ptr<Database> database_;
};

const std::string plain_sql = "CREATE TABLE IF NOT EXISTS people(name varchar(128), number integer);";

TEST_F(DuckdbTest, a_delivery_goes_in_once_and_is_known_the_second_time) {
  const auto to = sink(target(plain_sql));
  EXPECT_TRUE(write(*to, delivery(0, 3000), numbered(3000)).empty());
  EXPECT_EQ(rows(), 3000U);
  const Known again = to->begin(delivery(1000, 3000)).value();
  EXPECT_EQ(std::ranges::count(again, true), 2000);
  EXPECT_TRUE(again[1999]);
  EXPECT_FALSE(again[2000]);
  const RowsOf more = numbered(3000);
  const Batch batch = more.batch();
  ASSERT_TRUE(to->write(std::span(&batch, 1), again));
  ASSERT_TRUE(to->commit({}));
  EXPECT_EQ(rows(), 4000U);
  EXPECT_EQ(database_->count_rows({"sluice", "message"}).value(), 4000U);
}

TEST_F(DuckdbTest, a_key_that_a_delivery_names_twice_counts_once) {
  const auto to = sink(target(plain_sql));
  Delivery twice = delivery(0, 2);
  twice.messages.push_back(twice.messages[0]);
  EXPECT_EQ(to->begin(twice).value(), (Known{false, false, true}));
}

TEST_F(DuckdbTest, a_rolled_back_delivery_leaves_nothing) {
  const auto to = sink(target(plain_sql));
  const Known known = to->begin(delivery(0, 10)).value();
  const RowsOf ten = numbered(10);
  const Batch batch = ten.batch();
  ASSERT_TRUE(to->write(std::span(&batch, 1), known));
  to->rollback();
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(database_->count_rows({"sluice", "message"}).value(), 0U);
  EXPECT_TRUE(write(*to, delivery(0, 10), ten).empty());
  EXPECT_EQ(rows(), 10U);
}

TEST_F(DuckdbTest, an_empty_delivery_is_fine) {
  const auto to = sink(target(plain_sql));
  EXPECT_TRUE(to->begin(Delivery{})->empty());
  ASSERT_TRUE(to->write({}, {}));
  ASSERT_TRUE(to->commit({}));
}

TEST_F(DuckdbTest, every_type_arrives_as_it_left) {
  const Schema columns{{"a", {Kind::boolean, 0, 0}},  {"b", {Kind::int64, 0, 0}},     {"c", {Kind::float64, 0, 0}},
                       {"d", {Kind::decimal, 10, 2}}, {"e", {Kind::text, 0, 0}},      {"f", {Kind::bytes, 0, 0}},
                       {"g", {Kind::date, 0, 0}},     {"h", {Kind::timestamp, 0, 0}}, {"i", {Kind::timestamp_tz, 0, 0}},
                       {"j", {Kind::uuid, 0, 0}},     {"k", {Kind::json, 0, 0}},      {"l", {Kind::decimal, 38, 0}}};
  const auto to = sink(target("", columns));
  RowsOf rows(columns);
  Key id;
  ASSERT_TRUE(parse_uuid("f47ac10b-58cc-4372-a567-0e02b2c3d479", id));
  Int128 large = 1;
  for (int i = 0; i < 37; ++i) large *= 10;
  rows.row(0)
      .value(0, std::uint8_t{1})
      .value(1, std::int64_t{-5'000'000'000})
      .value(2, 0.1)
      .value(3, Int128{-12345})
      .text(4, "Ünï, longer than twelve");
  rows.text(5, std::string("\0\xff", 2))
      .value(6, std::int32_t{19000})
      .value(7, std::int64_t{1'600'000'000'000'001})
      .value(8, std::int64_t{1'600'000'000'000'000});
  rows.value(9, id.bytes).text(10, R"({"x": 1})").value(11, large);
  rows.row(1);
  for (const std::size_t column : {0U}) rows.null(column, 1);
  for (const std::size_t column : {1U, 2U, 7U, 8U}) rows.null(column, 8);
  rows.null(6, 4);
  for (const std::size_t column : {3U, 4U, 5U, 9U, 10U, 11U}) rows.null(column, 16);
  EXPECT_TRUE(write(*to, delivery(0, 2), rows).empty());
  const Rows read = database_->first_rows({"", "people"}, 5).value();
  EXPECT_EQ(read.names, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}));
  EXPECT_EQ(read.rows[0], (Cells{"true", "-5000000000", "0.1", "-123.45", "Ünï, longer than twelve", "\\x00\\xFF",
                                 "2022-01-08", "2020-09-13 12:26:40.000001", "2020-09-13 12:26:40+00",
                                 "f47ac10b-58cc-4372-a567-0e02b2c3d479", R"({"x": 1})", "1" + std::string(37, '0')}));
  EXPECT_EQ(read.rows[1], Cells(12));
}

TEST_F(DuckdbTest, rows_that_a_check_refuses_become_rejects_and_the_others_stay) {
  const auto to =
      sink(target("CREATE TABLE people(name varchar NOT NULL, number integer CHECK (number % 1000 <> 7));"));
  RowsOf rows = numbered(5000);
  rows.row(5000).null(0, sizeof(Text)).value(1, 0);
  rows.row(5001).text(0, "two rows, one of them bad").value(1, 1);
  rows.row(5001).text(0, "two rows, one of them bad").value(1, 7);
  const auto refused = write(*to, delivery(0, 5002), rows);
  ASSERT_EQ(refused.size(), 7U);
  std::set<std::uint32_t> messages;
  for (const Reject& reject : refused) {
    messages.insert(reject.message);
    EXPECT_EQ(reject.stage, Stage::sink);
    EXPECT_EQ(reject.reason, reject.message == 5000 ? "null_not_allowed" : "check_violation");
    EXPECT_EQ(reject.column, reject.message == 5000 ? "name" : "");
  }
  EXPECT_EQ(messages, (std::set<std::uint32_t>{7, 1007, 2007, 3007, 4007, 5000, 5001}));
  EXPECT_EQ(this->rows(), 4995U);
  EXPECT_EQ(database_->count_rows({"sluice", "message"}).value(), 5002U);
  EXPECT_EQ(database_->count_rows({"sluice", "reject"}).value(), 7U);
}

TEST_F(DuckdbTest, a_unique_key_lets_the_first_message_in) {
  const auto to = sink(target("CREATE TABLE people(name varchar, number integer UNIQUE);"));
  EXPECT_TRUE(write(*to, delivery(0, 100), numbered(100)).empty());
  RowsOf again(name_and_number);
  again.row(0).text(0, "there before").value(1, 99);
  again.row(1).text(0, "new").value(1, 100);
  again.row(2).text(0, "twice in the delivery").value(1, 100);
  again.row(3).text(0, "new").value(1, 101);
  const auto refused = write(*to, delivery(100, 4), again);
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(refused[0].message, 0U);
  EXPECT_EQ(refused[1].message, 2U);
  EXPECT_EQ(refused[1].reason, "unique_violation");
  EXPECT_EQ(this->rows(), 102U);
}

TEST_F(DuckdbTest, a_number_that_does_not_fit_the_column_is_refused_and_no_value_is_said) {
  const Schema columns{{"n", {Kind::int64, 0, 0}}, {"d", {Kind::decimal, 20, 2}}, {"u", {Kind::text, 0, 0}}};
  const auto to = sink(target("CREATE TABLE people(n integer, d decimal(6,2), u uuid);", columns));
  const std::string uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
  RowsOf rows(columns);
  rows.row(0).value(0, std::int64_t{1}).value(1, Int128{999999}).text(2, uuid);
  rows.row(1).value(0, std::int64_t{3'000'000'000}).value(1, Int128{1}).text(2, uuid);
  rows.row(2).value(0, std::int64_t{1}).value(1, Int128{1'000'000}).text(2, uuid);
  rows.row(3).value(0, std::int64_t{1}).value(1, Int128{1}).text(2, "secret");
  const auto refused = write(*to, delivery(0, 4), rows);
  ASSERT_EQ(refused.size(), 3U);
  EXPECT_EQ(refused[0].reason, "out_of_range");
  EXPECT_EQ(refused[1].reason, "out_of_range");
  EXPECT_EQ(refused[2].reason, "malformed_value");
  for (const Reject& reject : refused) {
    EXPECT_EQ(reject.text.find("secret"), std::string::npos);
    EXPECT_EQ(reject.text.find("3000000000"), std::string::npos);
  }
  EXPECT_EQ(this->rows(), 1U);
}

TEST_F(DuckdbTest, rejects_are_kept_listed_replayed_and_dropped) {
  Target to_table = target(plain_sql);
  to_table.rejects = TableName{"", "people_rejects"};
  const auto to = sink(to_table);
  const Delivery from = delivery(0, 3);
  ASSERT_TRUE(to->begin(from));
  ASSERT_TRUE(to->write({}, Known(3)));
  std::vector<SealedReject> sealed;
  for (std::uint32_t i = 0; i < 3; ++i) {
    sealed.push_back({{i, Stage::contract, "missing_field", "name", "the field is missing"},
                      from.messages[i].key,
                      std::string("se\0al", 5)});
  }
  ASSERT_TRUE(to->commit(sealed));

  Ledger& ledger = database_->ledger();
  const auto listed = ledger.rejects(to_table, 10, true).value();
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].stage, Stage::contract);
  EXPECT_EQ(listed[0].reason, "missing_field");
  EXPECT_EQ(listed[0].column, "name");
  EXPECT_EQ(listed[0].run, 1);
  EXPECT_EQ(listed[0].payload, std::string("se\0al", 5));
  EXPECT_TRUE(ledger.rejects(to_table, 2, false)->front().payload.empty());
  EXPECT_EQ(ledger.reject(to_table, listed[1].id).value()->key, listed[1].key);
  EXPECT_FALSE(ledger.reject(to_table, key(77)).value());

  // The first goes in, the second is refused again, the third stays; a stranger is known.
  Delivery replay;
  replay.proof = Proof::reject_ids;
  for (const Key& id : {listed[0].id, listed[1].id, key(77)}) replay.messages.push_back({id, {}, {}, 0, 1, {}});
  const Known known = to->begin(replay).value();
  EXPECT_EQ(known, (Known{false, false, true}));
  const RowsOf one = numbered(1);
  const Batch batch = one.batch();
  ASSERT_TRUE(to->write(std::span(&batch, 1), known));
  const SealedReject still{
      {1, Stage::contract, "too_long", "name", "longer than allowed"}, listed[1].id, "sealed again"};
  ASSERT_TRUE(to->commit(std::span(&still, 1)));
  EXPECT_EQ(rows(), 1U);
  EXPECT_FALSE(ledger.reject(to_table, listed[0].id).value());
  const auto kept = ledger.reject(to_table, listed[1].id).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->reason, "too_long");
  EXPECT_EQ(kept->key, listed[1].key);

  EXPECT_EQ(ledger.drop_rejects(to_table, {listed[2].id}).value(), 1U);
  EXPECT_EQ(ledger.drop_rejects(to_table, {}).value(), 1U);
  EXPECT_TRUE(ledger.rejects(to_table, 10, false)->empty());
}

TEST_F(DuckdbTest, runs_and_key_checks_are_remembered_and_old_keys_forgotten) {
  {
    const auto to = sink(target(plain_sql));
    write(*to, delivery(0, 100), numbered(100));
    RunRecord run;
    run.project = "logins";
    run.flow = "people";
    run.version = "0.1.0";
    run.status = "running";
    run.started = 1'600'000'000'000'000;
    Ledger& ledger = database_->ledger();
    run.id = ledger.start_run(run).value();
    run.status = "done";
    run.finished = run.started + 5;
    run.received = 100;
    run.written = {99, 99, 0, 1, 0};
    ASSERT_TRUE(ledger.finish_run(run));
    EXPECT_GT(ledger.start_run(run).value(), run.id);
    ASSERT_TRUE(ledger.remember_key("k1", "check"));
    ASSERT_TRUE(ledger.remember_key("k1", "another"));
    EXPECT_EQ(ledger.prune(std::chrono::hours(1), 1000).value(), 0U);
    EXPECT_EQ(ledger.prune(std::chrono::hours(-1), 30).value(), 30U);
  }
  database_ = open();
  Ledger& ledger = database_->ledger();
  const auto runs = ledger.runs("logins", 10).value();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_GT(runs[0].id, runs[1].id);
  EXPECT_EQ(runs[0].finished, 0);
  EXPECT_EQ(runs[1].status, "done");
  EXPECT_EQ(runs[1].finished, runs[1].started + 5);
  EXPECT_EQ(runs[1].written.written, 99U);
  EXPECT_EQ(ledger.key_check("k1").value(), "check");
  EXPECT_FALSE(ledger.key_check("k2").value());
  EXPECT_EQ(ledger.key_ids().value(), std::vector<std::string>{"k1"});
}

TEST_F(DuckdbTest, a_chunk_of_an_object_is_noted_with_its_rows_and_the_next_one_goes_on) {
  Target to = target("");
  to.from_objects = true;
  to.create = CreateTable{};
  to.definition = "as it is";
  const auto chunk = [](Sink& into, const Delivery& delivery, std::int32_t number, const Progress& upto) {
    EXPECT_EQ(into.begin(delivery).value(), Known{false});
    BatchBuilder row(std::make_shared<const Schema>(name_and_number));
    row.set_text(0, "Ann");
    row.set(1, number);
    row.end_row();
    Batch batch = row.batch();
    const std::uint32_t origin = 0;
    batch.origin = &origin;
    EXPECT_TRUE(into.write(std::span(&batch, 1), Known{false}));
    EXPECT_TRUE(upto.rows > 0 ? into.commit_chunk(upto) : into.commit({}));
  };
  Delivery delivery;
  delivery.proof = Proof::objects;
  delivery.objects = {{"files/it's.csv", "v1", 100}};
  const auto first = sink(to);
  chunk(*first, delivery, 1, {1, 10, 2});
  EXPECT_EQ(rows(), 1U);
  // Another run.
  const auto second = sink(to);
  ASSERT_TRUE(second->begin(delivery));
  EXPECT_EQ(second->there(), (Progress{1, 10, 2}));
  second->rollback();
  delivery.objects[0].version = "v2";
  const auto other = second->begin(delivery);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().fault, Fault::conflict);
  EXPECT_NE(other.error().message.find("the first 1 rows of it are in the table, but it was overwritten"),
            std::string::npos);
  EXPECT_NE(other.error().hint.find("uri = 'files/it''s.csv'"), std::string::npos) << other.error().hint;
  delivery.objects[0].version = "v1";
  chunk(*second, delivery, 2, {});
  EXPECT_EQ(rows(), 2U);
  EXPECT_EQ(second->begin(delivery).value(), Known{true});
  EXPECT_EQ(second->there(), Progress{});
}

TEST_F(DuckdbTest, a_ledger_of_the_version_before_is_brought_forward) {
  const Target to = target("");
  Target made = to;
  made.create = CreateTable{};
  sink(made);
  database_.reset();
  duckdb_database file{};
  duckdb_connection connection{};
  ASSERT_EQ(duckdb_open((folder_ / "warehouse.duckdb").c_str(), &file), DuckDBSuccess);
  ASSERT_EQ(duckdb_connect(file, &connection), DuckDBSuccess);
  EXPECT_EQ(
      duckdb_query(connection,
                   "DROP TABLE sluice.chunk; DROP TABLE sluice.target; UPDATE sluice.version SET number = 3", nullptr),
      DuckDBSuccess);
  duckdb_disconnect(&connection);
  duckdb_close(&file);
  sink(made);
  EXPECT_EQ(database_->count_rows({"sluice", "chunk"}).value(), 0U);
  EXPECT_EQ(database_->count_rows({"sluice", "target"}).value(), 0U);
}

TEST_F(DuckdbTest, reading_makes_no_file) {
  const auto database = open();
  EXPECT_TRUE(database->ledger().runs("logins", 10)->empty());
  EXPECT_TRUE(database->ledger().rejects(target(""), 10, false)->empty());
  EXPECT_FALSE(database->has_table({"", "people"}).value());
  EXPECT_EQ(database->first_rows({"", "people"}, 1).error().fault, Fault::conflict);
  EXPECT_EQ(database->probe({.written = true})[0].level, Finding::Level::good);
  EXPECT_EQ(database->probe({})[0].level, Finding::Level::bad) << "nothing would make it";
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(DuckdbTest, columns_are_compared_by_name_and_all_that_differ_are_named) {
  database_ = open();
  const auto wrong =
      database_->prepare(target("CREATE TABLE people(nmae varchar, number varchar, id integer NOT NULL, extra date);"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fault, Fault::conflict);
  for (const char* part :
       {"no column \"name\"", "\"number\" is VARCHAR, but the select gives int", "\"id\" takes no NULL"}) {
    EXPECT_NE(wrong.error().message.find(part), std::string::npos) << wrong.error().text();
  }
  // In another order and case, with a default: all that matters is the name.
  Target other = target("CREATE TABLE \"People2\"(id integer DEFAULT 5 NOT NULL, NUMBER bigint, Name varchar);");
  other.table.table = "people2";
  EXPECT_TRUE(database_->prepare(other));
}

TEST_F(DuckdbTest, a_missing_table_a_bad_file_and_a_file_without_the_table_are_errors) {
  database_ = open();
  Target none = target("");
  none.create.reset();
  EXPECT_NE(database_->prepare(none).error().message.find("there is no table people"), std::string::npos);
  const auto bad = database_->prepare(target("CREATE TABEL people(a integer)"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().fault, Fault::config);
  EXPECT_NE(bad.error().message.find("people.sql"), std::string::npos) << bad.error().text();
  EXPECT_NE(database_->prepare(target("CREATE TABLE persons(a integer)")).error().message.find("afterwards"),
            std::string::npos);
  EXPECT_EQ(database_->probe({{none}, true, false}).back().level, Finding::Level::bad);
}

TEST_F(DuckdbTest, the_file_reaches_no_other_file) {
  database_ = open();
  const auto read = database_->prepare(
      target("CREATE TABLE people AS SELECT content AS name, 1 AS number FROM read_text('/etc/hostname');"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::denied) << read.error().text();
}

TEST_F(DuckdbTest, a_file_that_is_no_database_is_an_error_of_the_configuration) {
  std::ofstream(folder_ / "warehouse.duckdb") << "name,number\n";
  const auto prepared = open()->prepare(target(plain_sql));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().fault, Fault::config);
  EXPECT_NE(prepared.error().message.find("no DuckDB database"), std::string::npos) << prepared.error().text();
}

TEST_F(DuckdbTest, a_memory_limit_that_is_no_size_is_an_error_of_the_configuration) {
  const auto prepared = open("lots")->prepare(target(plain_sql));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().fault, Fault::config);
  EXPECT_NE(prepared.error().message.find("memory_limit"), std::string::npos) << prepared.error().text();
}

TEST_F(DuckdbTest, a_memory_limit_that_is_too_small_is_named) {
  database_ = open("1MB");
  Result<void> outcome = database_->prepare(target(plain_sql));
  if (outcome) {
    const auto to = database_->open_sink(target(plain_sql), 1).value();
    const RowsOf many = numbered(50000);
    const Batch batch = many.batch();
    const auto known = to->begin(delivery(0, 50000));
    if (!known) outcome = tl::unexpected<Error>(known.error());
    if (outcome) {
      const auto written = to->write(std::span(&batch, 1), *known);
      outcome = written ? to->commit({}) : Result<void>(tl::unexpected<Error>(written.error()));
    }
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().fault, Fault::failed) << outcome.error().text();
  EXPECT_NE(outcome.error().hint.find("memory_limit"), std::string::npos) << outcome.error().text();
}

TEST_F(DuckdbTest, a_file_that_another_process_has_open_can_be_tried_again) {
  std::array<int, 2> opened{};
  std::array<int, 2> done{};
  ASSERT_EQ(pipe(opened.data()), 0);
  ASSERT_EQ(pipe(done.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto database = open();
    const bool prepared = database->prepare(target(plain_sql)).has_value();
    if (::write(opened[1], prepared ? "y" : "n", 1) != 1) _exit(1);
    char byte = 0;
    _exit(read(done[0], &byte, 1) == 1 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(opened[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto prepared = open()->prepare(target(plain_sql));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().fault, Fault::transient);
  EXPECT_NE(prepared.error().message.find("PID " + std::to_string(child)), std::string::npos)
      << prepared.error().text();
  ASSERT_EQ(::write(done[1], "x", 1), 1);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (const int end : {opened[0], opened[1], done[0], done[1]}) close(end);
  EXPECT_TRUE(open()->prepare(target(plain_sql)));
}

// Dies without a word at each step of a second delivery; the first is there, the second as far as it was committed.
TEST_F(DuckdbTest, a_process_killed_at_any_step_leaves_whole_deliveries_only) {
  enum Step { begun, written, committed };
  std::uint64_t expected = 0;
  for (const Step last : {begun, written, committed}) {
    const pid_t child = fork();
    if (child == 0) {
      const auto to = sink(target(plain_sql));
      write(*to, delivery(expected, 1000), numbered(1000));
      const Known known = to->begin(delivery(expected + 1000, 1000)).value();
      const RowsOf rows = numbered(1000);
      const Batch batch = rows.batch();
      if (last >= written && !to->write(std::span(&batch, 1), known)) _exit(1);
      if (last >= committed && !to->commit({})) _exit(2);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    expected += last == committed ? 2000 : 1000;
    database_ = open();
    EXPECT_EQ(rows(), expected);
    EXPECT_EQ(database_->count_rows({"sluice", "message"}).value(), expected);
    const auto to = sink(target(plain_sql));
    const Known known = to->begin(delivery(expected - 1000, 2000)).value();
    EXPECT_EQ(std::ranges::count(known, true), 1000);
    to->rollback();
    database_.reset();
  }
}

// Measured over 2,000 deliveries of 1,000 rows: 75 MiB after 500, 85 MiB at the end.
TEST_F(DuckdbTest, memory_stays_flat_over_many_deliveries) {
  const auto to = sink(target(plain_sql));
  const RowsOf thousand = numbered(1000);
  std::size_t early = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    EXPECT_TRUE(write(*to, delivery(i * 1000, 1000), thousand).empty());
    if (i == 200) early = resident_kib();
  }
  EXPECT_EQ(rows(), 600'000U);
  EXPECT_LT(resident_kib(), early + resident_slack_kib) << early;
}

}  // namespace
}  // namespace sluice::local
