// A process that dies in the middle, at every place that the sources name and by signals that dump core: nothing of
// what it had in hand is found in what it leaves.
#include <signal.h>
#include <sys/resource.h>

#include <regex>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;

class canary_deaths : public CanaryFlow {
 protected:
  void SetUp() override {
    // Whoever started us may allow dumps: they are off all the same.
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CORE, &limit);
    CanaryFlow::SetUp();
  }

  bool overwritten_between_list_and_read(const std::string& before, const std::string& after, const How& how) {
    store_->put("in/people.csv", before);
    store_->fault("delay", "count=1&ms=1000&action=ListObjectsV2");
    support::Process process(command({"run", "canary.yaml", "--flow", "from_s3"}, how));
    EXPECT_TRUE(wait_until([&] { return store_->stats().faults["delay"] > 0; }));
    store_->put("in/people.csv", after);
    const auto ended = process.wait(std::chrono::seconds(30));
    if (!ended) return false;
    look_at("a run that died", *ended);
    return ended->signal == SIGKILL;
  }

  static std::set<std::string> crash_points() {
    std::set<std::string> names;
    const std::regex point("SLUICE_CRASH_POINT\\(\"([^\"]+)\"\\)");
    for (const auto& entry : fs::recursive_directory_iterator(std::string(SLUICE_SOURCE_DIR) + "/src")) {
      if (entry.path().extension() != ".cpp") continue;
      const std::string text = read_file(entry.path());
      for (std::sregex_iterator at(text.begin(), text.end(), point), end; at != end; ++at) names.insert((*at)[1]);
    }
    EXPECT_GT(names.size(), 20U);
    return names;
  }
};

#ifdef SLUICE_CRASH_POINTS
TEST_F(canary_deaths, at_every_named_place_leave_no_mark) {
  fill();
  fill_clear();
  EXPECT_EQ(drive({"keys", "add", "keys.json"}).code, 0);
  EXPECT_EQ(run({"from_queue"}).code, 0);
  EXPECT_EQ(drive({"keys", "promote", "keys.json", "k2"}).code, 0);
  const std::string csv = people_csv();
  const std::string good = csv.substr(0, csv.find("\n" + failing_duckdb().front().name + ",") + 1);
  std::string chunks = good;  // more than one holds
  for (int i = 0; i < 2000; ++i) chunks += good.substr(good.find('\n') + 1);
  for (const std::string& point : crash_points()) {
    SCOPED_TRACE(point);
    fill(8);
    bool died = false;
    const How armed{.environment = {{"SLUICE_CRASH_AT", point}}};
    const auto dies = [&](const std::vector<std::string>& flows) {
      if (!died) died = run(flows, armed).signal == SIGKILL;
    };
    if (point.starts_with("keys_")) {
      died = drive({"keys", "add", "keys.json"}, armed).signal == SIGKILL ||
             drive({"keys", "init", "new.json"}, armed).signal == SIGKILL;
    }
    if (point.starts_with("rewrap_"))
      died = drive({"keys", "rewrap", "canary.yaml", "from_queue", "--column", "name", "--domain", "name"}, armed)
                 .signal == SIGKILL;
    if (point.starts_with("A")) {
      for (const char* flow : {"from_queue", "from_spool", "to_vault", "to_bank"})
        died = run({flow}, armed).signal == SIGKILL || died;
    }
    // What the others are not in the way of: an answer, a large object, one that is there already.
    if (point == "B5_refused") {
      store_->fault("412", "count=1&action=PutObject");
      dies({"to_s3"});
    } else if (point == "B1_part_up") {
      vault("create table small as select id, note from person; update person set note = repeat(note, 30000)");
      dies({"to_s3_notes"});
      vault("update person p set note = s.note from small s where s.id = p.id; drop table small");
    } else if (point == "C4_overwritten") {
      died = overwritten_between_list_and_read(good + mark + "before", good + mark + "after", armed);
    } else if (point == "C5_known") {
      EXPECT_EQ(run({"from_parquet"}).code, 0);
      dies({"from_parquet"});
    }
    if (point.starts_with("B") && !died) {
      vault("update person set note = note || 'x'");
      for (const char* flow : {"to_s3", "to_s3_files", "to_parquet", "to_files"})
        died = run({flow}, armed).signal == SIGKILL || died;
    }
    if (point.starts_with("C")) {
      store_->put("in/people.csv", good + mark + point);
      write("files/in/people.json", read_file(at("files/in/people.json")) + point);
      dies({"from_s3"});
      dies({"from_files"});
    }
    if (point == "C6_chunk_committed") {
      store_->put("chunks/people.csv", chunks);
      dies({"from_chunks"});
    }
    EXPECT_TRUE(died);
    queue_->advance(60);
    store_->clear_faults();
  }
  run({});
  search_all();
}
#endif

TEST_F(canary_deaths, by_a_signal_that_dumps_core_leave_no_mark) {
  fill();
  for (const int number : {SIGABRT, SIGSEGV, SIGQUIT, SIGBUS, SIGTERM, SIGKILL}) {
    queue_->fault("delay", "ms=300&action=ReceiveMessage&skip=1");  // so that it does not end by itself
    const auto received = queue_->stats("people")["received"];
    support::Process process(command({"run", "canary.yaml", "--flow", "from_queue"}, {}));
    for (const std::string& message : people()) queue_->put("people", message);
    EXPECT_TRUE(wait_until([&] { return queue_->stats("people")["received"] > received; }));
    look_at(process);
    process.send_signal(number);
    const auto ended = process.wait(std::chrono::seconds(30));
    ASSERT_TRUE(ended);
    look_at("a run that died", *ended);
    queue_->clear_faults();
  }
  search_all();
}

}  // namespace
}  // namespace sluice::faults
