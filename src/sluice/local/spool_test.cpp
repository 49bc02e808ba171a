// The spool as a queue, told as stories of its readers and writers.
#include "sluice/local/spool.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "sluice/local/spool_segment.hpp"

namespace sluice::local {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Stands still until it is moved.
class StillClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::time_point(time_); }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::time_point(time_); }
  void sleep(milliseconds time) const override { time_ += time; }
  void advance(seconds time) { time_ += time; }

 private:
  mutable std::chrono::nanoseconds time_{std::chrono::hours(24 * 365 * 50)};
};

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sluice-spool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<Queue> open(const Clock& clock) const {
    Settings settings;
    settings.folder = folder_.parent_path().string();
    settings.values["spool"] = {folder_.filename().string(), {}, {}};
    return open_spool(settings, clock).value();
  }
  // As a user puts it in: written elsewhere, then moved.
  void move_in(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ / ("." + name), std::ios::binary) << bytes;
    fs::rename(folder_ / ("." + name), folder_ / name);
  }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename().string());
    names.erase(".lock");
    return names;
  }

  fs::path folder_;
  StillClock clock_;
};

std::vector<std::string> bodies(const Delivery& delivery) {
  std::vector<std::string> out;
  for (const Message& message : delivery.messages) out.emplace_back(message.body);
  return out;
}

// One look, no waiting.
std::optional<Delivery> receive(Source& source, std::size_t most = 5000) {
  Wanted wanted;
  wanted.rows_max = most;
  wanted.patience = milliseconds(0);
  wanted.drain = false;
  return source.next(wanted).value().delivery;
}

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back("{\"n\": " + std::to_string(i) + "}");
  return out;
}

// The sanitizers keep freed memory for a while.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t resident_slack_kib = 512 * 1024;
#else
constexpr std::size_t resident_slack_kib = 16 * 1024;
#endif

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

TEST_F(SpoolTest, what_is_sent_is_received_once_and_settled_leaves_nothing) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a", "b", "c"}));
  EXPECT_EQ(queue->facts(seconds(0))->depth.visible, 3U);
  const auto source = queue->open_source().value();
  const auto delivery = receive(*source);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(bodies(*delivery), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(delivery->messages[0].receive_count, 1U);
  EXPECT_EQ(delivery->messages[0].attributes, "{}");
  EXPECT_EQ(delivery->messages[0].sent_at, clock_.now_micros());
  EXPECT_EQ(queue->facts(seconds(0))->depth.in_flight, 3U);
  EXPECT_FALSE(receive(*source));
  ASSERT_TRUE(source->settle(delivery->receipt));
  EXPECT_EQ(files(), std::set<std::string>{});
  EXPECT_EQ(queue->facts(seconds(0))->depth.visible, 0U);
}

TEST_F(SpoolTest, a_lease_that_runs_out_brings_the_message_back_with_a_higher_count) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a"}));
  const auto first = queue->open_source().value();
  const auto lost = receive(*first);
  const auto second = queue->open_source().value();
  clock_.advance(seconds(29));
  EXPECT_FALSE(receive(*second));
  clock_.advance(seconds(2));
  const auto again = receive(*second);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->messages[0].receive_count, 2U);
  EXPECT_EQ(again->messages[0].key, lost->messages[0].key);
  EXPECT_EQ(again->messages[0].message_id, lost->messages[0].message_id);
  EXPECT_EQ(again->messages[0].sent_at, lost->messages[0].sent_at);
}

TEST_F(SpoolTest, a_stale_receipt_deletes_nothing) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a", "b"}));
  const auto slow = queue->open_source().value();
  const auto stale = receive(*slow);
  clock_.advance(seconds(31));
  const auto quick = queue->open_source().value();
  const auto taken = receive(*quick);
  ASSERT_TRUE(taken);
  ASSERT_TRUE(slow->settle(stale->receipt));
  EXPECT_EQ(queue->facts(seconds(0))->depth.in_flight, 2U);
  ASSERT_TRUE(quick->release(taken->receipt));
  EXPECT_EQ(queue->facts(seconds(0))->depth.visible, 2U);
}

TEST_F(SpoolTest, a_stale_receipt_does_not_reach_a_later_file_of_the_same_name) {
  const auto queue = open(clock_);
  move_in("a.ndjson", "x\n");
  const auto slow = queue->open_source().value();
  const auto stale = receive(*slow);
  clock_.advance(seconds(31));
  const auto quick = queue->open_source().value();
  ASSERT_TRUE(quick->settle(receive(*quick)->receipt));
  move_in("a.ndjson", "y\n");
  const auto fresh = receive(*quick);
  ASSERT_TRUE(fresh);
  ASSERT_TRUE(slow->settle(stale->receipt));
  EXPECT_EQ(queue->facts(seconds(0))->depth.in_flight, 1U);
}

TEST_F(SpoolTest, a_released_delivery_is_visible_at_once) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a", "b"}));
  const auto source = queue->open_source().value();
  ASSERT_TRUE(source->release(receive(*source)->receipt));
  const auto again = receive(*source);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->messages[1].receive_count, 2U);
}

TEST_F(SpoolTest, an_open_delivery_is_kept_by_calls_of_next) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a"}));
  const auto source = queue->open_source().value();
  const auto kept = receive(*source);
  const auto other = queue->open_source().value();
  for (int i = 0; i < 10; ++i) {
    clock_.advance(seconds(11));
    EXPECT_FALSE(receive(*source));
    EXPECT_FALSE(receive(*other));
  }
  EXPECT_GE(source->calls().at("extend"), 9U);
  ASSERT_TRUE(source->settle(kept->receipt));
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(SpoolTest, a_delivery_ends_at_the_rows_and_at_the_bytes_asked_for) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({std::string(100, 'a'), std::string(100, 'b'), std::string(100, 'c'), "d"}));
  const auto source = queue->open_source().value();
  EXPECT_EQ(receive(*source, 1)->messages.size(), 1U);
  Wanted wanted;
  wanted.patience = milliseconds(0);
  wanted.bytes_max = 150;
  EXPECT_EQ(source->next(wanted)->delivery->messages.size(), 1U);
  wanted.bytes_max = 10;  // a message that is larger than that comes alone
  EXPECT_EQ(source->next(wanted)->delivery->messages.size(), 1U);
  EXPECT_EQ(bodies(*source->next(wanted)->delivery), std::vector<std::string>{"d"});
}

TEST_F(SpoolTest, a_drain_waits_for_what_another_reader_has) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a"}));
  const auto other = queue->open_source().value();
  ASSERT_TRUE(receive(*other));
  const auto source = queue->open_source().value();
  Wanted drain;
  drain.patience = milliseconds(250);
  const Next waiting = source->next(drain).value();
  EXPECT_FALSE(waiting.ended);
  EXPECT_FALSE(waiting.delivery);
  clock_.advance(seconds(31));
  const Next back = source->next(drain).value();
  ASSERT_TRUE(back.delivery);
  EXPECT_FALSE(source->next(drain)->ended);
  ASSERT_TRUE(source->settle(back.delivery->receipt));
  EXPECT_TRUE(source->next(drain)->ended);
}

TEST_F(SpoolTest, an_empty_spool_ends_a_drain_and_takes_what_is_moved_in_otherwise) {
  const auto queue = open(system_clock());
  const auto source = queue->open_source().value();
  Wanted drain;
  EXPECT_TRUE(source->next(drain)->ended);
  Wanted serve;
  serve.drain = false;
  serve.patience = milliseconds(10000);
  std::jthread writer([this] { move_in("late.ndjson", "a\n"); });
  const Next next = source->next(serve).value();
  ASSERT_TRUE(next.delivery);
  EXPECT_EQ(bodies(*next.delivery), std::vector<std::string>{"a"});
}

TEST_F(SpoolTest, wake_ends_a_wait) {
  const auto queue = open(system_clock());
  const auto source = queue->open_source().value();
  Wanted serve;
  serve.drain = false;
  serve.patience = milliseconds(60000);
  std::jthread waker([&source] { source->wake(); });
  EXPECT_FALSE(source->next(serve)->delivery);
}

TEST_F(SpoolTest, what_nobody_waits_for_is_kept_ready_and_given_back_by_flush) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send({"a"}));
  const auto source = queue->open_source().value();
  Wanted busy;
  busy.hungry = false;
  busy.patience = milliseconds(0);
  EXPECT_FALSE(source->next(busy)->delivery);
  EXPECT_EQ(queue->facts(seconds(0))->depth.in_flight, 1U);
  ASSERT_TRUE(source->flush());
  EXPECT_EQ(queue->facts(seconds(0))->depth.visible, 1U);
  EXPECT_TRUE(receive(*source));
}

TEST_F(SpoolTest, deliveries_out_are_bounded_while_no_worker_is_idle) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send(numbered(100)));
  const auto source = queue->open_source().value();
  Wanted busy;
  busy.hungry = false;
  busy.rows_max = 5;
  busy.patience = milliseconds(0);
  int handed_over = 0;
  while (source->next(busy)->delivery) ++handed_over;
  EXPECT_EQ(handed_over, 4);
  busy.hungry = true;
  EXPECT_TRUE(source->next(busy)->delivery);
}

TEST_F(SpoolTest, awkward_lines_are_messages_all_the_same) {
  const std::string large((1U << 20U) + 1, 'x');
  const std::string with_nul("nul\0here", 8);
  const auto queue = open(clock_);
  move_in("a.ndjson", "first\n\n" + large + "\n\xff\xfe\n" + with_nul + "\r\nno newline at the end");
  const auto source = queue->open_source().value();
  const auto delivery = receive(*source);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(bodies(*delivery),
            (std::vector<std::string>{"first", "", large, "\xff\xfe", with_nul + "\r", "no newline at the end"}));
  // The padding is there to be read, after the last body too.
  unsigned sum = 0;
  for (const Message& message : delivery->messages) {
    for (std::size_t i = 0; i < 64; ++i)
      sum += static_cast<unsigned char>(message.body.data()[message.body.size() + i]);
  }
  EXPECT_GT(sum, 0U);
  ASSERT_TRUE(source->settle(delivery->receipt));
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(SpoolTest, an_empty_file_is_left_for_its_writer_and_other_names_are_left_alone) {
  const auto queue = open(clock_);
  move_in("empty.ndjson", "");
  move_in("notes.txt", "x\n");
  move_in("one.ndjson", "\n");
  const auto source = queue->open_source().value();
  const auto delivery = receive(*source);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(bodies(*delivery), std::vector<std::string>{""});
  ASSERT_TRUE(source->settle(delivery->receipt));
  EXPECT_EQ(files(), (std::set<std::string>{"empty.ndjson", "notes.txt"}));
  EXPECT_TRUE(source->next(Wanted{})->ended);
}

TEST_F(SpoolTest, a_file_that_grew_after_it_was_first_read_is_an_error_and_stays) {
  const auto queue = open(clock_);
  move_in("a.ndjson", "x\n");
  const auto source = queue->open_source().value();
  const auto delivery = receive(*source);
  std::ofstream(folder_ / "a.ndjson", std::ios::app) << "y\n";
  const auto settled = source->settle(delivery->receipt);
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().fault, Fault::conflict);
  EXPECT_NE(settled.error().text().find("a.ndjson has changed"), std::string::npos) << settled.error().text();
  EXPECT_TRUE(files().contains("a.ndjson"));
}

TEST_F(SpoolTest, a_damaged_state_file_is_an_error) {
  const auto queue = open(clock_);
  move_in("a.ndjson", "x\n");
  move_in("a.ndjson.state", "something else");
  const auto source = queue->open_source().value();
  const auto next = source->next(Wanted{});
  ASSERT_FALSE(next);
  EXPECT_NE(next.error().message.find("a.ndjson.state is damaged"), std::string::npos) << next.error().text();
}

TEST_F(SpoolTest, a_state_file_without_its_segment_is_swept) {
  const auto queue = open(clock_);
  move_in("gone.ndjson.state", "left by a crash between two removals");
  EXPECT_EQ(queue->facts(seconds(0))->depth.visible, 0U);
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(SpoolTest, a_body_with_a_line_break_is_not_sent) {
  const auto sent = open(clock_)->send({"a", "b\nc"});
  ASSERT_FALSE(sent);
  EXPECT_NE(sent.error().message.find("message 2"), std::string::npos);
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(SpoolTest, a_missing_folder_is_an_error_without_waiting_and_is_made_otherwise) {
  fs::remove(folder_);
  const auto queue = open(clock_);
  ASSERT_FALSE(queue->facts(seconds(0)));
  EXPECT_EQ(queue->facts(seconds(0)).error().fault, Fault::config);
  EXPECT_FALSE(queue->open_source());
  EXPECT_EQ(queue->probe()[0].level, Finding::Level::warning);
  EXPECT_TRUE(queue->facts(seconds(1)));
  EXPECT_TRUE(queue->open_source());
  EXPECT_EQ(queue->probe()[0].level, Finding::Level::good);
}

TEST_F(SpoolTest, keys_are_unique_and_grow_with_the_lines) {
  const auto queue = open(clock_);
  ASSERT_TRUE(queue->send(numbered(25000)));
  EXPECT_EQ(files().size(), 3U);
  const auto source = queue->open_source().value();
  std::set<Key> keys;
  std::set<std::string> ids;
  while (const auto delivery = receive(*source)) {
    for (const Message& message : delivery->messages) {
      keys.insert(message.key);
      ids.insert(std::string(message.message_id));
      EXPECT_EQ(message.message_id.size(), 36U);
    }
  }
  EXPECT_EQ(keys.size(), 25000U);
  EXPECT_EQ(ids.size(), 25000U);
}

TEST_F(SpoolTest, a_large_segment_and_a_gap_in_it_are_read_to_the_end) {
  std::string bytes;
  for (const std::string& body : numbered(30000)) bytes += body + "\n";
  move_in("a.ndjson", bytes);
  const auto queue = open(clock_);
  const auto source = queue->open_source().value();
  std::set<std::string> seen;
  // Every second delivery is given back, so that the state has holes.
  bool keep = false;
  std::size_t rounds = 0;
  while (const auto delivery = receive(*source, 777)) {
    ASSERT_LT(++rounds, 1000U);
    keep = !keep;
    if (!keep) {
      ASSERT_TRUE(source->release(delivery->receipt));
      continue;
    }
    for (const std::string& body : bodies(*delivery)) EXPECT_TRUE(seen.insert(body).second);
    ASSERT_TRUE(source->settle(delivery->receipt));
  }
  EXPECT_EQ(seen.size(), 30000U);
  EXPECT_EQ(files(), std::set<std::string>{});
}

TEST_F(SpoolTest, two_processes_share_a_spool_without_overlap) {
  constexpr std::size_t count = 40000;
  ASSERT_TRUE(open(system_clock())->send(numbered(count)));
  std::vector<pid_t> readers;
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto source = open(system_clock())->open_source().value();
      std::ofstream out(folder_ / ("seen." + std::to_string(i)));
      Wanted wanted;
      wanted.rows_max = 500;
      while (true) {
        const auto next = source->next(wanted);
        if (!next) _exit(1);
        if (next->ended) break;
        if (!next->delivery) continue;
        for (const Message& message : next->delivery->messages) out << message.body << '\n';
        if (!source->settle(next->delivery->receipt)) _exit(2);
      }
      out.close();
      _exit(0);
    }
    readers.push_back(child);
  }
  std::multiset<std::string> seen;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    int status = -1;
    waitpid(readers[i], &status, 0);
    EXPECT_EQ(status, 0);
    std::ifstream in(folder_ / ("seen." + std::to_string(i)));
    for (std::string line; std::getline(in, line);) seen.insert(line);
  }
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), count);
}

TEST_F(SpoolTest, readers_killed_at_random_lose_nothing) {
  constexpr std::size_t count = 20000;
  ASSERT_TRUE(open(system_clock())->send(numbered(count)));
  std::mt19937 random(7);
  StillClock later;
  // What a reader received is written down before it settles, as a sink commits.
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      std::ofstream out(folder_ / "seen", std::ios::app);
      const auto source = open(later)->open_source().value();
      while (const auto delivery = receive(*source, 50)) {
        for (const Message& message : delivery->messages) out << message.body << '\n';
        out.flush();
        if (!source->settle(delivery->receipt)) _exit(2);
      }
      _exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 15000)(random)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    later.advance(seconds(31));
  }
  const auto source = open(later)->open_source().value();
  std::ofstream out(folder_ / "seen", std::ios::app);
  while (const auto delivery = receive(*source)) {
    for (const Message& message : delivery->messages) out << message.body << '\n';
    ASSERT_TRUE(source->settle(delivery->receipt));
  }
  out.close();
  std::set<std::string> seen;
  std::ifstream in(folder_ / "seen");
  for (std::string line; std::getline(in, line);) seen.insert(line);
  for (const std::string& body : numbered(count)) ASSERT_TRUE(seen.contains(body)) << body;
  EXPECT_EQ(files(), std::set<std::string>{"seen"});
}

TEST_F(SpoolTest, a_backlog_of_a_million_stays_out_of_memory) {
  {
    std::ofstream file(folder_ / ".big");
    const std::string body(180, 'x');
    for (int i = 0; i < 1000000; ++i) file << i << body << '\n';
  }
  fs::rename(folder_ / ".big", folder_ / "big.ndjson");
  const auto queue = open(system_clock());
  const auto source = queue->open_source().value();
  const std::size_t before = resident_kib();
  std::size_t most = 0;
  std::size_t received = 0;
  while (true) {
    const Next next = source->next(Wanted{}).value();
    if (next.ended) break;
    if (!next.delivery) continue;
    received += next.delivery->messages.size();
    ASSERT_TRUE(source->settle(next.delivery->receipt));
    most = std::max(most, resident_kib());
  }
  EXPECT_EQ(received, 1000000U);
  EXPECT_LT(most, before + resident_slack_kib) << before;
  const double spent = source->seconds().at("receive") + source->seconds().at("delete");
  RecordProperty("nanoseconds_a_message", static_cast<int>(spent * 1000));
  EXPECT_EQ(files(), std::set<std::string>{});
}

}  // namespace
}  // namespace sluice::local
