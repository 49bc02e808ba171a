// What every object store promises, of a folder, of the object server and of fauxqs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sluice/aws/s3_store.hpp"
#include "sluice/local/folder_store.hpp"
#include "support/object_server.hpp"
#include "support/process.hpp"

namespace sluice {
namespace {

constexpr const char* bucket = "contract-bucket";
constexpr std::size_t mib = std::size_t{1} << 20U;

// One of the stores, empty.
struct Stand {
  std::string name;
  bool conditions = true;    // fauxqs writes whatever If-Match says
  bool uploads_seen = true;  // fauxqs does not list unfinished uploads
  bool any_key = true;       // a folder has no key "a//b"
  bool byte_order = true;    // fauxqs sorts as a dictionary does
  std::unique_ptr<support::TempFolder> folder{};
  std::unique_ptr<support::ObjectServer> server{};
  std::unique_ptr<ObjectStore> store{};
};

std::unique_ptr<ObjectStore> s3_on(const support::ObjectServer& server, const std::string& name = bucket) {
  aws::S3Options options;
  options.connection = "lake";
  options.bucket = name;
  options.region = "us-east-1";
  options.endpoint = server.endpoint();
  options.own_endpoint = options.path_style = true;
  options.credentials.anonymous = true;
  options.retry_wait_max = std::chrono::milliseconds(5);
  options.retry_for = std::chrono::seconds(0);
  return aws::make_s3_store(std::move(options), system_clock());
}

class object_store : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string kind = GetParam();
    if (kind == "folder") {
      stand_.any_key = false;
      stand_.folder = std::make_unique<support::TempFolder>("object_store");
      stand_.store = local::make_folder_store(stand_.folder->path().string(), system_clock());
    } else if (kind == "double") {
      stand_.server = support::ObjectServer::start(bucket);
      stand_.store = s3_on(*stand_.server);
    } else {
      stand_.conditions = stand_.uploads_seen = stand_.byte_order = false;
      // It takes long to start: each test gets a bucket of its own instead.
      static const auto server = support::ObjectServer::start_fauxqs(bucket);
      static int number = 0;
      if (!server) GTEST_SKIP() << "SKIPPED LOUDLY: fauxqs not found or not started";
      const std::string own = bucket + std::to_string(++number);
      ASSERT_EQ(support::http("PUT", server->endpoint() + "/" + own).status, 200);
      stand_.store = s3_on(*server, own);
    }
  }

  ObjectStore& store() { return *stand_.store; }
  ObjectFacts put(const std::string& key, std::string_view bytes) {
    auto facts = store().put(key, bytes, {});
    EXPECT_TRUE(facts) << facts.error().text();
    return facts ? *facts : ObjectFacts{};
  }
  bool there(const std::string& key) {
    const auto head = store().head(key);
    EXPECT_TRUE(head) << head.error().text();
    return head && head->has_value();
  }
  std::vector<std::string> listed(const std::string& prefix) {
    std::vector<std::string> keys;
    const auto done = store().list(prefix, [&keys](const ObjectFacts& facts) {
      keys.push_back(facts.key);
      return true;
    });
    EXPECT_TRUE(done) << done.error().text();
    return keys;
  }
  std::string all_of(const ObjectFacts& facts, std::uint64_t offset = 0) {
    auto reader = store().open_reader(facts, offset);
    EXPECT_TRUE(reader);
    std::string bytes;
    while (reader) {
      auto next = (*reader)->next();
      EXPECT_TRUE(next) << next.error().text();
      if (!next || next->empty()) break;
      bytes += *next;
    }
    return bytes;
  }

  Stand stand_;
};

std::string varied(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  return bytes;
}

TEST_P(object_store, what_was_put_is_read_back) {
  const ObjectFacts put_facts = put("a/b.csv", "hello world");
  const auto head = store().head("a/b.csv");
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->key, "a/b.csv");
  EXPECT_EQ((*head)->bytes, 11U);
  EXPECT_EQ((*head)->version, put_facts.version);
  EXPECT_NEAR(static_cast<double>((*head)->modified), static_cast<double>(system_clock().now_micros()), 60e6);
  EXPECT_EQ(all_of(**head), "hello world");
  EXPECT_EQ(all_of(**head, 6), "world");
}

TEST_P(object_store, an_empty_object_is_an_object) {
  put("empty", "");
  const auto head = store().head("empty");
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->bytes, 0U);
  EXPECT_EQ(all_of(**head), "");
  EXPECT_EQ(store().read("empty", (*head)->version, 0, 10), "");
}

TEST_P(object_store, ranges_are_exact_and_end_with_the_object) {
  const std::string version = put("r", "0123456789").version;
  EXPECT_EQ(store().read("r", version, 0, 3), "012");
  EXPECT_EQ(store().read("r", version, 7, 3), "789");
  EXPECT_EQ(store().read("r", version, 7, 100), "789");
  EXPECT_EQ(store().read("r", "", 4, 1), "4");
  EXPECT_EQ(store().read("r", version, 10, 5), "");
  EXPECT_EQ(store().read("r", version, 99, 5), "");
  EXPECT_EQ(store().read("r", version, 3, 0), "");
}

TEST_P(object_store, an_object_that_is_not_there_is_told_from_an_error) {
  EXPECT_FALSE(there("nothing/here"));
  const auto read = store().read("nothing/here", "", 0, 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::conflict);
  EXPECT_NE(read.error().message.find("there is no object"), std::string::npos) << read.error().text();
  const auto found = find_objects(store(), {ObjectNames::By::key, "nothing/here"});
  ASSERT_FALSE(found);
  EXPECT_TRUE(store().remove("nothing/here"));
}

TEST_P(object_store, an_overwritten_object_is_a_conflict_never_a_mix) {
  const ObjectFacts old = put("o", "old bytes");
  const ObjectFacts fresh = put("o", "new bytes");
  EXPECT_NE(old.version, fresh.version);
  const auto read = store().read("o", old.version, 0, 3);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::conflict);
  EXPECT_NE(read.error().message.find("overwritten"), std::string::npos) << read.error().text();
  auto reader = store().open_reader(old, 0);
  if (reader) {
    const auto next = (*reader)->next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().fault, Fault::conflict);
  } else {
    EXPECT_EQ(reader.error().fault, Fault::conflict);
  }
  EXPECT_EQ(store().read("o", fresh.version, 0, 3), "new");
}

TEST_P(object_store, equal_bytes_written_at_once_after_one_another_are_read_as_they_are) {
  for (int k = 0; k < 20; ++k) {
    const ObjectFacts facts = put("same", std::string(8, static_cast<char>('a' + k)));
    EXPECT_EQ(store().read("same", facts.version, 0, 8), std::string(8, static_cast<char>('a' + k)));
  }
}

TEST_P(object_store, lists_by_prefix_in_the_order_of_the_bytes) {
  for (const char* key : {"p/b", "p/a/2", "p/a-1", "p/a/1", "p/a0", "q", "pq"}) put(key, "x");
  EXPECT_EQ(listed("p/"), (std::vector<std::string>{"p/a-1", "p/a/1", "p/a/2", "p/a0", "p/b"}));
  EXPECT_EQ(listed("p/a/"), (std::vector<std::string>{"p/a/1", "p/a/2"}));
  EXPECT_EQ(listed("p"), (std::vector<std::string>{"p/a-1", "p/a/1", "p/a/2", "p/a0", "p/b", "pq"}));
  EXPECT_EQ(listed(""), (std::vector<std::string>{"p/a-1", "p/a/1", "p/a/2", "p/a0", "p/b", "pq", "q"}));
  EXPECT_EQ(listed("nothing"), std::vector<std::string>());
  int seen = 0;
  EXPECT_TRUE(store().list("", [&seen](const ObjectFacts&) { return ++seen < 3; }));
  EXPECT_EQ(seen, 3);
}

TEST_P(object_store, a_list_tells_what_head_tells) {
  put("l/one", "12345");
  std::vector<ObjectFacts> found;
  ASSERT_TRUE(store().list("l/", [&found](ObjectFacts facts) {
    found.push_back(std::move(facts));
    return true;
  }));
  const auto head = store().head("l/one");
  ASSERT_TRUE(head && *head);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].bytes, 5U);
  EXPECT_EQ(found[0].version, (*head)->version);
  EXPECT_NEAR(static_cast<double>(found[0].modified), static_cast<double>((*head)->modified), 1.1e6);
}

TEST_P(object_store, a_glob_takes_files_of_its_level_and_no_marker) {
  for (const char* key : {"g/2022-01.csv", "g/2022-02.csv", "g/2023-01.csv", "g/sub/2022-03.csv", "g/notes.txt"})
    put(key, "x");
  if (stand_.any_key) put("g/2022-04.csv/", "");  // a marker
  const auto keys = [this](const char* glob) {
    std::vector<std::string> out;
    const auto found = find_objects(store(), {ObjectNames::By::glob, glob});
    EXPECT_TRUE(found);
    if (!found) return out;
    for (const ObjectFacts& facts : *found) out.push_back(facts.key);
    return out;
  };
  EXPECT_EQ(keys("g/2022-*.csv"), (std::vector<std::string>{"g/2022-01.csv", "g/2022-02.csv"}));
  EXPECT_EQ(keys("g/202[13]-0?.csv"), (std::vector<std::string>{"g/2023-01.csv"}));
  EXPECT_EQ(keys("g/**.csv").size(), 4U);
  EXPECT_EQ(keys("g/*"), (std::vector<std::string>{"g/2022-01.csv", "g/2022-02.csv", "g/2023-01.csv", "g/notes.txt"}));
}

TEST_P(object_store, more_objects_than_a_page_are_all_listed) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([this, w] {
      for (int k = w; k < 1003; k += 4) EXPECT_TRUE(store().put("many/" + std::to_string(10000 + k), "x", {}));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto keys = listed("many/");
  ASSERT_EQ(keys.size(), 1003U);
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_EQ(keys.back(), "many/11002");
}

TEST_P(object_store, keys_keep_every_awkward_character) {
  const std::vector<std::string> keys{"k/with space", "k/plus+plus",     "k/percent%2Fslash", "k/colon:colon",
                                      "k/a=b&c=d",    "k/ümläut/日本語", "k/quote'\"quote",   "k/question?mark",
                                      "k/hash#tag",   "k/~tilde*()!",    "k/semi;comma,at@$", "k/back\\slash",
                                      "k/<tag>&amp;", "k/trailing ",     "k/.hidden",         "k/..dots"};
  for (const std::string& key : keys) put(key, key);
  for (const std::string& key : keys) {
    const auto head = store().head(key);
    ASSERT_TRUE(head && *head) << key;
    EXPECT_EQ(store().read(key, (*head)->version, 0, 100), key);
  }
  std::vector<std::string> sorted = keys;
  std::ranges::sort(sorted);
  std::vector<std::string> found = listed("k/");
  if (!stand_.byte_order) std::ranges::sort(found);
  EXPECT_EQ(found, sorted);
  for (const std::string& key : keys) EXPECT_TRUE(store().remove(key));
  EXPECT_EQ(listed("k/"), std::vector<std::string>());
}

TEST_P(object_store, keys_that_are_no_paths_are_kept_or_refused) {
  // fauxqs, as many routers, does not tell some of them apart.
  if (std::string(GetParam()) == "fauxqs") GTEST_SKIP() << "fauxqs normalises paths";
  for (const std::string key : {"n//two", "n/../up", "n/./here", "/leading", "../../etc/passwd", "n/marker/"}) {
    const auto done = store().put(key, key, {});
    if (stand_.any_key) {
      ASSERT_TRUE(done) << key << ": " << done.error().text();
      EXPECT_EQ(store().read(key, done->version, 0, 100), key);
      const auto listed_keys = listed(key);
      EXPECT_EQ(listed_keys, std::vector<std::string>{key});
    } else {
      ASSERT_FALSE(done) << key;
      EXPECT_EQ(done.error().fault, Fault::config);
      EXPECT_FALSE(store().read(key, "", 0, 1));
      EXPECT_FALSE(store().head(key));
    }
  }
}

TEST_P(object_store, a_key_that_is_empty_or_too_long_is_refused) {
  for (const std::string& key : {std::string(), std::string(1025, 'k')}) {
    EXPECT_FALSE(store().put(key, "x", {}));
    EXPECT_FALSE(store().open_writer(key, {}));
    EXPECT_FALSE(store().head(key));
    EXPECT_FALSE(store().read(key, "", 0, 1));
    EXPECT_FALSE(store().remove(key));
  }
}

TEST_P(object_store, a_condition_that_does_not_hold_leaves_the_object) {
  if (!stand_.conditions) GTEST_SKIP() << "fauxqs does not know conditions";
  const ObjectFacts first = put("c", "first");
  auto again = store().put("c", "second", {.condition = {.if_absent = true}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::conflict) << again.error().text();
  EXPECT_NE(again.error().message.find("another writer"), std::string::npos);
  const auto next = store().put("c", "next", {.condition = {.if_version = first.version}});
  ASSERT_TRUE(next) << next.error().text();
  again = store().put("c", "late", {.condition = {.if_version = first.version}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::conflict);
  EXPECT_EQ(store().read("c", next->version, 0, 100), "next");
  EXPECT_TRUE(store().put("c2", "new", {.condition = {.if_absent = true}}));
  EXPECT_FALSE(store().put("c3", "new", {.condition = {.if_version = first.version}}));
}

TEST_P(object_store, of_many_writers_of_a_new_key_one_wins) {
  if (!stand_.conditions) GTEST_SKIP() << "fauxqs does not know conditions";
  std::atomic<int> won{0};
  std::vector<std::thread> writers;
  for (int k = 0; k < 8; ++k) {
    writers.emplace_back([this, k, &won] {
      if (store().put("race", std::to_string(k), {.condition = {.if_absent = true}})) ++won;
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(won, 1);
}

TEST_P(object_store, nothing_is_seen_before_a_writer_has_finished) {
  const std::string bytes = varied(3 * mib);
  {
    auto writer = store().open_writer("w/small", {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(bytes));
    EXPECT_EQ(listed("w/"), std::vector<std::string>());
    const auto facts = (*writer)->finish();
    ASSERT_TRUE(facts) << facts.error().text();
    EXPECT_EQ(facts->bytes, bytes.size());
    EXPECT_EQ(all_of(*facts), bytes);
  }
  {
    auto writer = store().open_writer("w/given_up", {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(bytes));
  }
  EXPECT_EQ(listed("w/"), std::vector<std::string>{"w/small"});
}

TEST_P(object_store, a_large_object_goes_in_parts_and_comes_in_ranges) {
  const std::string bytes = varied(21 * mib + 12345);
  auto writer = store().open_writer("large", {});
  ASSERT_TRUE(writer);
  for (std::size_t at = 0; at < bytes.size(); at += 777777)
    ASSERT_TRUE((*writer)->write(std::string_view(bytes).substr(at, 777777)));
  EXPECT_FALSE(there("large"));
  const auto facts = (*writer)->finish();
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->bytes, bytes.size());
  EXPECT_TRUE(all_of(*facts) == bytes);
  EXPECT_TRUE(all_of(*facts, 9 * mib + 1) == bytes.substr(9 * mib + 1));
  EXPECT_EQ((*store().head("large"))->version, facts->version);
}

TEST_P(object_store, a_large_object_that_is_given_up_leaves_nothing) {
  {
    auto writer = store().open_writer("given_up", {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(varied(20 * mib)));
    if (stand_.uploads_seen) {
      const auto uploads = store().unfinished(std::chrono::hours(0));
      ASSERT_TRUE(uploads);
      ASSERT_EQ(uploads->size(), 1U);
      EXPECT_EQ((*uploads)[0].key, "given_up");
      EXPECT_TRUE(store().unfinished(std::chrono::hours(1))->empty());
    }
  }
  EXPECT_FALSE(there("given_up"));
  if (stand_.uploads_seen) {
    EXPECT_TRUE(store().unfinished(std::chrono::hours(0))->empty());
  }
}

TEST_P(object_store, an_unfinished_upload_can_be_aborted_by_another) {
  if (!stand_.uploads_seen) GTEST_SKIP() << "fauxqs does not list uploads";
  auto writer = store().open_writer("a b/ü", {});
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->write(varied(9 * mib)));
  const auto uploads = store().unfinished(std::chrono::hours(0));
  ASSERT_TRUE(uploads && uploads->size() == 1);
  EXPECT_EQ((*uploads)[0].key, "a b/ü");
  EXPECT_TRUE(store().abort((*uploads)[0]));
  EXPECT_TRUE(store().abort((*uploads)[0])) << "it is gone already";
  EXPECT_FALSE((*writer)->finish());
  EXPECT_FALSE(there("a b/ü"));
}

TEST_P(object_store, a_writer_s_condition_holds_when_it_finishes) {
  if (!stand_.conditions) GTEST_SKIP() << "fauxqs does not know conditions";
  for (const std::size_t size : {std::size_t{10}, 9 * mib}) {
    const std::string key = "cond" + std::to_string(size);
    auto writer = store().open_writer(key, {.condition = {.if_absent = true}});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(varied(size)));
    const ObjectFacts other = put(key, "somebody else's");
    const auto facts = (*writer)->finish();
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().fault, Fault::conflict) << facts.error().text();
    EXPECT_EQ(store().read(key, other.version, 0, 100), "somebody else's");
  }
}

TEST_P(object_store, many_threads_read_one_object) {
  const std::string bytes = varied(2 * mib);
  const ObjectFacts facts = put("shared", bytes);
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 8; ++t) {
    readers.emplace_back([&, t] {
      for (std::size_t k = 0; k < 20; ++k) {
        const std::size_t at = (t * 20 + k) * 9973 % bytes.size();
        const auto read = store().read("shared", facts.version, at, 4096);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_TRUE(*read == bytes.substr(at, 4096));
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(object_store, counts_its_calls) {
  put("x", "1");
  const auto before = store().calls();
  EXPECT_FALSE(before.empty());
  ASSERT_TRUE(store().head("x"));
  const auto after = store().calls();
  std::uint64_t more = 0;
  for (const auto& [kind, count] : after) more += count - (before.contains(kind) ? before.at(kind) : 0);
  EXPECT_EQ(more, 1U);
}

TEST_P(object_store, probes_itself) {
  const auto findings = store().probe();
  ASSERT_FALSE(findings.empty());
  for (const Finding& finding : findings) EXPECT_EQ(finding.level, Finding::Level::good) << finding.what;
}

INSTANTIATE_TEST_SUITE_P(of, object_store, testing::Values("folder", "double", "fauxqs"),
                         [](const auto& kind) { return std::string(kind.param); });

// A file that another program writes in place, not through Sluice.
TEST(folder_store, a_file_that_grows_while_it_is_read_is_a_conflict) {
  const support::TempFolder folder("folder_store");
  const auto store = local::make_folder_store(folder.path().string(), system_clock());
  std::ofstream(folder.path() / "grows.csv") << "a,b\n1,2\n";
  const auto head = store->head("grows.csv");
  ASSERT_TRUE(head && *head);
  const auto reader = store->open_reader(**head, 0);
  ASSERT_TRUE(reader);
  ASSERT_TRUE((*reader)->next());
  std::ofstream(folder.path() / "grows.csv", std::ios::app) << "3,4\n";
  const auto next = (*reader)->next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().fault, Fault::conflict);
}

TEST(folder_store, a_key_cannot_be_a_file_and_the_beginning_of_others) {
  const support::TempFolder folder("folder_store");
  const auto store = local::make_folder_store(folder.path().string(), system_clock());
  ASSERT_TRUE(store->put("a", "1", {}));
  const auto below = store->put("a/b", "2", {});
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().fault, Fault::conflict) << below.error().text();
  EXPECT_NE(below.error().hint.find("beginning of other keys"), std::string::npos);
  ASSERT_TRUE(store->put("c/d", "3", {}));
  EXPECT_FALSE(store->put("c", "4", {}));
  EXPECT_EQ(store->read("a", "", 0, 9), "1");
  EXPECT_EQ(store->read("c/d", "", 0, 9), "3");
}

TEST(folder_store, shows_nothing_of_its_own_and_takes_no_such_key) {
  const support::TempFolder folder("folder_store");
  const auto store = local::make_folder_store(folder.path().string(), system_clock());
  ASSERT_TRUE(store->put("x", "1", {}));
  ASSERT_TRUE(std::filesystem::exists(folder.path() / ".sluice"));
  std::vector<std::string> keys;
  ASSERT_TRUE(store->list("", [&keys](const ObjectFacts& facts) {
    keys.push_back(facts.key);
    return true;
  }));
  EXPECT_EQ(keys, std::vector<std::string>{"x"});
  EXPECT_FALSE(store->put(".sluice/lock", "", {}));
}

TEST(folder_store, has_no_urls) {
  const auto store = local::make_folder_store("/nowhere", system_clock());
  const auto url = store->presign("x", std::chrono::hours(1));
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().fault, Fault::config);
}

TEST(folder_store, a_folder_that_is_not_there_is_one_clear_error) {
  const auto store = local::make_folder_store("/nowhere/at/all", system_clock());
  const auto listed = store->list("", [](const ObjectFacts&) { return true; });
  ASSERT_FALSE(listed);
  EXPECT_NE(listed.error().message.find("is not there"), std::string::npos);
  EXPECT_EQ(store->probe().at(0).level, Finding::Level::warning);
}

}  // namespace
}  // namespace sluice
