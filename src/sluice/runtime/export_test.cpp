// Rows of a database as objects: one that is seen whole, files with a manifest, and what a rerun, a stop or another
// writer in between leaves.
#include <gtest/gtest.h>

#include <set>

#include "sluice/core/batch_builder.hpp"
#include "sluice/objects/content_hash.hpp"
#include "sluice/objects/memory_store.hpp"
#include "sluice/runtime/export.hpp"

namespace sluice::runtime {
namespace {

// Numbers from 1 to `count`, `each` a batch; may fail in the middle, as a connection does.
class Numbers final : public RowReader {
 public:
  Numbers(std::int64_t count, std::size_t each, std::int64_t fail_after = -1)
      : count_(count), fail_after_(fail_after), rows_(columns(), each) {}
  static std::shared_ptr<const Schema> columns() {
    static const auto schema = std::make_shared<const Schema>(Schema{{"n", {Kind::int64}}});
    return schema;
  }
  Result<bool> next(Batch& batch) override {
    rows_.clear();
    if (fail_after_ >= 0 && at_ >= fail_after_) return fail(Fault::transient, "the connection was lost");
    while (at_ < count_ && !rows_.full()) {
      rows_.set<std::int64_t>(0, ++at_);
      rows_.end_row();
    }
    batch = rows_.batch();
    return rows_.rows() > 0;
  }

 private:
  std::int64_t count_;
  std::int64_t fail_after_;
  std::int64_t at_ = 0;
  BatchBuilder rows_;
};

Result<ExportReport> to_object(ObjectStore& store, std::int64_t count, const ManifestEntry* before = nullptr,
                               const ExportOptions& options = {}) {
  Numbers numbers(count, 10);
  return export_object(store, "out.csv", {&numbers, {}, Numbers::columns()}, before, options);
}

Result<ExportReport> to_files(ObjectStore& store, std::int64_t count, std::size_t file_bytes = 50,
                              const std::string& nonce = "a") {
  Numbers numbers(count, 10);
  Manifest manifest{.project = "p", .flows = {"f"}, .writer = nonce};
  return export_files(store, "out/", file_bytes, {&numbers, {}, Numbers::columns()}, manifest, system_clock(), {});
}

std::vector<std::string> listed(ObjectStore& store) {
  std::vector<std::string> keys;
  const auto found = find_manifest(store, "out/_manifest.json").value();
  for (const ManifestEntry& entry : found->manifest.entries) keys.push_back(entry.key);
  return keys;
}

TEST(ExportedObject, is_not_put_over_what_another_run_has_put_meanwhile) {
  objects::MemoryStore store;
  const auto export_after = [&](std::int64_t rows, const PutCondition& condition) {
    ExportOptions options;
    options.condition = condition;
    return to_object(store, rows, nullptr, options);
  };
  const PutCondition none_yet = find_condition(store, "out.csv").value();
  ASSERT_TRUE(to_object(store, 1));
  const std::string version = store.facts("out.csv").version;
  const auto first = export_after(2, none_yet);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().fault, Fault::conflict);
  const PutCondition seen = find_condition(store, "out.csv").value();
  EXPECT_TRUE(export_after(3, seen));
  const auto overtaken = export_after(4, seen);
  ASSERT_FALSE(overtaken);
  EXPECT_NE(store.facts("out.csv").version, version);
  EXPECT_EQ(store.read("out.csv", "", 0, 100).value(), "n\n1\n2\n3\n");
}

TEST(ExportedFiles, that_grow_stay_listed_and_carry_the_mark) {
  objects::MemoryStore store;
  const auto run = [&](std::int64_t count, const ReadMark& mark) {
    Numbers numbers(count, 10);
    const auto before = find_manifest(store, "out/_manifest.json").value();
    ExportOptions options;
    options.append_to = before ? &*before : nullptr;
    const Manifest manifest{.project = "p", .flows = {"f"}, .writer = "a" + std::to_string(count), .mark = mark};
    return export_files(store, "out/", 1000, {&numbers, {}, Numbers::columns()}, manifest, system_clock(), options);
  };
  ASSERT_TRUE(run(3, {{"from", "3"}}));
  ASSERT_TRUE(run(4, {{"from", "4"}}));
  EXPECT_EQ(listed(store).size(), 2U);
  EXPECT_EQ(find_manifest(store, "out/_manifest.json").value()->manifest.mark, (ReadMark{{"from", "4"}}));
  const std::string version = store.facts("out/_manifest.json").version;
  ASSERT_TRUE(run(0, {{"from", "4"}, {"xmin", "9"}}));
  EXPECT_EQ(store.facts("out/_manifest.json").version, version) << "nothing new: no byte changes";
  ASSERT_TRUE(run(0, {{"from", "5"}}));
  EXPECT_NE(store.facts("out/_manifest.json").version, version) << "the next run begins further on";
  EXPECT_EQ(listed(store).size(), 2U);
}

// Rows without anything that tells them apart may come again: who reads all files has to find them again.
TEST(ExportedFiles, of_equal_bytes_have_keys_of_their_own) {
  objects::MemoryStore store;
  const auto run = [&](const std::string& writer) {
    Numbers numbers(3, 10);
    const auto before = find_manifest(store, "out/_manifest.json").value();
    ExportOptions options;
    options.append_to = before ? &*before : nullptr;
    const Manifest manifest{.project = "p", .flows = {"f"}, .writer = writer, .mark = {{"from", writer}}};
    return export_files(store, "out/", 1000, {&numbers, {}, Numbers::columns()}, manifest, system_clock(), options);
  };
  for (const char* writer : {"1", "2", "3"}) ASSERT_TRUE(run(writer));
  const std::vector<std::string> keys = listed(store);
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 3U);
  EXPECT_TRUE(keys[1].ends_with("-2.csv")) << keys[1];
  for (const std::string& key : keys) EXPECT_EQ(store.bytes(key), "n\n1\n2\n3\n");
  // Of a run that was killed before its manifest: the next one finds the file, and sends nothing.
  const std::string sent = keys[0].substr(0, keys[0].size() - 4) + "-4.csv";
  store.set(sent, "n\n1\n2\n3\n");
  EXPECT_EQ(run("4")->unchanged, 1U);
  EXPECT_EQ(listed(store).back(), sent);
}

TEST(ExportedObject, has_all_rows_and_tells_what_it_is) {
  objects::MemoryStore store;
  const ExportReport report = to_object(store, 12).value();
  EXPECT_EQ(store.bytes("out.csv"), "n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
  EXPECT_EQ(report.rows, 12U);
  ASSERT_EQ(report.files.size(), 1U);
  EXPECT_EQ(report.files[0].bytes, store.bytes("out.csv").size());
  EXPECT_EQ(report.files[0].sha256, objects::sha256_hex(store.bytes("out.csv")));
  EXPECT_EQ(report.files[0].version, store.facts("out.csv").version);
}

TEST(ExportedObject, of_no_rows_is_a_header) {
  objects::MemoryStore store;
  ASSERT_TRUE(to_object(store, 0));
  EXPECT_EQ(store.bytes("out.csv"), "n\n");
}

TEST(ExportedObject, is_not_published_again_when_it_would_be_the_same) {
  objects::MemoryStore store;
  const ManifestEntry first = to_object(store, 12).value().files[0];
  const ExportReport again = to_object(store, 12, &first).value();
  EXPECT_EQ(again.unchanged, 1U);
  EXPECT_EQ(again.files[0], first);
  EXPECT_EQ(store.facts("out.csv").version, first.version);

  store.set("out.csv", "somebody else's");
  EXPECT_EQ(to_object(store, 12, &first).value().unchanged, 0U);
  EXPECT_TRUE(store.bytes("out.csv").ends_with("12\n"));
}

TEST(ExportedObject, stays_as_it_was_when_reading_fails_or_is_stopped) {
  objects::MemoryStore store;
  ASSERT_TRUE(to_object(store, 3));
  Numbers lost(100, 10, 50);
  EXPECT_FALSE(export_object(store, "out.csv", {&lost, {}, Numbers::columns()}, nullptr, {}));
  std::stop_source stop;
  ExportOptions options;
  options.stop = stop.get_token();
  options.progress = [&stop](const ExportReport& report) {
    if (report.rows >= 20) stop.request_stop();
  };
  const ExportReport stopped = to_object(store, 100, nullptr, options).value();
  EXPECT_TRUE(stopped.stopped);
  EXPECT_TRUE(stopped.files.empty());
  EXPECT_EQ(store.bytes("out.csv"), "n\n1\n2\n3\n");
}

TEST(ExportedFiles, are_named_by_what_is_in_them_and_listed_last) {
  objects::MemoryStore store;
  const ExportReport report = to_files(store, 30).value();
  EXPECT_GT(report.files.size(), 1U);
  std::uint64_t rows = 0;
  for (const ManifestEntry& file : report.files) {
    EXPECT_EQ(file.key, "out/" + objects::sha256_hex(store.bytes(file.key)) + ".csv");
    EXPECT_TRUE(store.bytes(file.key).starts_with("n\n"));
    rows += file.rows;
  }
  EXPECT_EQ(rows, 30U);
  EXPECT_EQ(listed(store).size(), report.files.size());
}

TEST(ExportedFiles, of_the_same_rows_are_not_sent_again) {
  objects::MemoryStore store;
  const ExportReport first = to_files(store, 30).value();
  const std::string version = store.facts("out/_manifest.json").version;
  const ExportReport again = to_files(store, 30, 50, "b").value();
  EXPECT_EQ(again.unchanged, first.files.size());
  EXPECT_EQ(store.facts("out/_manifest.json").version, version);
}

TEST(ExportedFiles, of_more_rows_share_the_files_that_are_equal) {
  objects::MemoryStore store;
  ASSERT_TRUE(to_files(store, 40));
  const ExportReport more = to_files(store, 60).value();
  EXPECT_GT(more.unchanged, 0U);
  EXPECT_LT(more.unchanged, more.files.size());
  EXPECT_EQ(listed(store).size(), more.files.size());
}

TEST(ExportedFiles, of_no_rows_are_one_with_a_header) {
  objects::MemoryStore store;
  ASSERT_TRUE(to_files(store, 0));
  ASSERT_EQ(listed(store).size(), 1U);
  EXPECT_EQ(store.bytes(listed(store)[0]), "n\n");
}

TEST(Manifest, says_itself_again) {
  Manifest manifest{.project = "p", .flows = {"a", "b"}, .snapshot = "1:2:", .mask_key = "k1", .writer = "w"};
  manifest.columns = {{"id", {Kind::int64}}, {"amount", {Kind::decimal, 12, 2}}};
  manifest.entries = {{"x/1.csv", 3, 100, std::string(64, 'a'), "etag"}};
  const Manifest back = parse_manifest(to_json(manifest), "s3://b/x").value();
  EXPECT_EQ(to_json(back), to_json(manifest));
}

TEST(Manifest, that_is_none_is_left_alone) {
  objects::MemoryStore store;
  for (const char* text : {"hello", "{}", "[1]", R"({"kind":"sluice-manifest","version":2})"}) {
    store.set("out/_manifest.json", text);
    const Result<ExportReport> report = to_files(store, 3);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().message,
              store.uri("out/_manifest.json") + " is there, but is no manifest that this version of sluice can read");
    EXPECT_EQ(store.bytes("out/_manifest.json"), text);
  }
}

// A store whose puts of the manifest are answered by a fault, after they did or did not take place.
class FaultyStore final : public objects::MemoryStore {
 public:
  bool takes_place = true;
  Fault fault = Fault::transient;
  std::function<void()> in_between;
  Result<ObjectFacts> put(const std::string& key, std::string_view bytes, const PutOptions& options) override {
    if (!key.ends_with("_manifest.json")) return MemoryStore::put(key, bytes, options);
    if (in_between) in_between();
    if (takes_place) static_cast<void>(MemoryStore::put(key, bytes, options));
    return fail(fault, "the reply was lost");
  }
};

TEST(Manifest, whose_reply_was_lost_is_looked_up) {
  FaultyStore store;
  EXPECT_TRUE(to_files(store, 30));
  store.takes_place = false;
  EXPECT_FALSE(to_files(store, 50, 50, "b"));
  EXPECT_EQ(find_manifest(store, "out/_manifest.json").value()->manifest.writer, "a");
}

TEST(Manifest, of_another_writer_in_between_fences_us) {
  FaultyStore store;
  store.takes_place = false;
  store.fault = Fault::conflict;
  store.in_between = [&store] {
    store.set("out/_manifest.json", to_json(Manifest{.project = "p", .flows = {"f"}, .writer = "other"}));
  };
  const Result<ExportReport> report = to_files(store, 30);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().fault, Fault::conflict);
  EXPECT_EQ(report.error().message,
            store.uri("out/_manifest.json") + " was changed by another run meanwhile: its objects stand, ours do not");
  EXPECT_EQ(find_manifest(store, "out/_manifest.json").value()->manifest.writer, "other");
}

}  // namespace
}  // namespace sluice::runtime
