// `sluice serve` as a process: queues followed, schedules kept by one of several servers, asked over HTTP, stopped.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <set>
#include <sstream>

#include "login_flow.hpp"
#include "sluice/core/clock.hpp"
#include "sluice/local/spool.hpp"
#include "support/server_process.hpp"

namespace sluice::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string next_database() {
  static std::atomic<int> number{0};
  return "serve" + std::to_string(++number);
}

class Server {
 public:
  explicit Server(const support::Command& command) : process_(command) {}

  // Empty: it does not come up.
  std::string url() {
    const std::string mark = "serving on ";
    wait_until([&] { return process_.out().find('\n') != std::string::npos || !process_.running(); });
    const std::string out = process_.out();
    const std::size_t at = out.find(mark);
    return at == std::string::npos ? "" : out.substr(at + mark.size(), out.find('\n', at) - at - mark.size());
  }
  support::HttpReply get(const std::string& path) { return support::http("GET", url() + path); }
  bool ready() {
    return wait_until([&] { return get("/readyz").status == 200; });
  }
  bool shows(const std::string& line) {
    return wait_until([&] { return ("\n" + get("/metrics").body).find("\n" + line + "\n") != std::string::npos; });
  }
  bool says(const std::string& text) {
    return wait_until([&] { return process_.err().find(text) != std::string::npos; });
  }
  // The due times of the runs it began.
  std::vector<std::string> due() const {
    std::vector<std::string> out;
    std::istringstream lines(process_.err());
    for (std::string line; std::getline(lines, line);) {
      if (line.find("schedule is due") != std::string::npos) out.push_back(line.substr(line.rfind("due=")));
    }
    return out;
  }
  support::Ended stop() {
    process_.send_signal(SIGTERM);
    const auto ended = process_.wait(seconds(20));
    EXPECT_TRUE(ended) << "does not end: " << process_.err();
    return ended.value_or(support::Ended{});
  }
  support::Process& process() { return process_; }

 private:
  support::Process process_;
};

class ServedProject {
 public:
  // `flows` is YAML; the connections are queue, folder, out, warehouse (PostgreSQL) and file (DuckDB).
  explicit ServedProject(const std::string& flows, bool on_postgres = true) : folder_("serve") {
    if (on_postgres) {
      database_ = next_database();
      postgres().make_database(database_);
    }
    for (const char* name : {"in", "queue", "second"}) std::filesystem::create_directory(folder_.path() / name);
    write("project.yaml",
          "name: served\nconnections:\n  queue: { spool: queue }\n  second: { spool: second }\n  folder: { files: in "
          "}\n  out: { files: out }\n" +
              std::string(on_postgres ? "  warehouse: { postgres: \"${DATABASE_URL}\" }\n" : "") +
              "  file: { duckdb: warehouse.duckdb }\nkeys: keys.json\n" + flows);
    EXPECT_EQ(support::run(command({"keys", "init", "keys.json"})).code, 0);
  }

  const std::string& database() const { return database_; }
  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_.path() / name) << text; }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  void send(int first, int count) const {
    Settings settings;
    settings.folder = folder_.path();
    settings.values["spool"].text = "queue";
    const auto queue = local::open_spool(settings, system_clock());
    ASSERT_TRUE(queue);
    std::vector<std::string> bodies;
    for (int i = first; i < first + count; ++i) {
      bodies.push_back(R"({"id": )" + std::to_string(i) + R"(, "device": "canary-)" + std::to_string(i) + "\"}");
    }
    ASSERT_TRUE((*queue)->send(bodies));
  }
  support::Command command(std::vector<std::string> arguments) const {
    support::Command command;
    command.arguments = {SLUICE_BINARY};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.folder = folder_.path();
    command.environment = {{"DATABASE_URL", database_.empty() ? "" : postgres().url(database_)}};
    return command;
  }
  // With all it says, unless `verbose` is empty.
  std::unique_ptr<Server> serve(const std::vector<std::string>& more = {}, const std::string& verbose = "-v") const {
    std::vector<std::string> arguments{"serve", "project.yaml", "--listen", "0"};
    if (!verbose.empty()) arguments.insert(arguments.begin(), verbose);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<Server>(command(arguments));
  }
  support::Ended run() const { return support::run(command({"run", "project.yaml"})); }

 private:
  support::TempFolder folder_;
  std::string database_;
};

constexpr const char* followed = R"(flows:
  live:
    from: { queue: queue }
    record: { id: int, device: { type: text, pii: device } }
    select: select id, mask_hmac(device, 'device') as device from input
    into: { table: warehouse.live, create: true }
)";

std::string scheduled(const std::string& schedule, const std::string& database = "warehouse") {
  return R"(flows:
  batch:
    from: { objects: folder, prefix: "" }
    record: { id: int }
    select: select id, run_date() as day from input
    into: { table: )" +
         database + R"(.batch, create: true, mode: replace }
    schedule: { )" +
         schedule + " }\n";
}

TEST(serve, follows_a_queue_and_says_so_and_drains_when_it_is_told_to_stop) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(followed);
  project.send(1, 100);
  const auto server = project.serve();
  ASSERT_NE(server->url(), "") << server->process().err();
  EXPECT_EQ(server->get("/healthz").body, "ok\n");
  EXPECT_EQ(server->get("/nothing").status, 404);
  EXPECT_TRUE(server->ready()) << server->get("/readyz").body << server->process().err();
  EXPECT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 100)"));
  EXPECT_EQ(project.sql("select count(*) from live"), "100");

  // The queue was empty, and is not any more.
  project.send(101, 50);
  EXPECT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 150)"));
  EXPECT_EQ(project.sql("select count(*) from live"), "150");
  EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="live",state="running"} 1)"));
  const std::string metrics = server->get("/metrics").body;
  EXPECT_NE(metrics.find("sluice_queue_messages{"), std::string::npos);
  EXPECT_EQ(metrics.find("canary"), std::string::npos);

  const support::Ended ended = server->stop();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ((ended.out + ended.err).find("canary"), std::string::npos);
  EXPECT_EQ(project.sql("select status || ' ' || received from sluice.run"), "stopped 150");
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.sql("select count(*) || ' ' || count(distinct id) from live"), "150 150");
}

TEST(serve, stopped_in_the_middle_loses_and_repeats_nothing) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(followed);
  project.send(1, 30000);
  const auto server = project.serve();
  ASSERT_TRUE(wait_until([&] {
    return project.sql("select to_regclass('live') is not null") == "t" &&
           project.sql("select count(*) from live") != "0";
  }));
  EXPECT_EQ(server->stop().code, 0);
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.sql("select count(*) || ' ' || count(distinct id) from live"), "30000 30000");
}

TEST(serve, waits_for_a_database_that_is_away_and_goes_on) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(followed);
  project.send(1, 10);
  const auto server = project.serve();
  ASSERT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 10)"));
  postgres().stop();
  project.send(11, 10);
  EXPECT_TRUE(server->says("database away"));
  postgres().start_again();
  EXPECT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 20)")) << server->process().err();
  EXPECT_EQ(server->stop().code, 0);
}

TEST(serve, what_was_missed_runs_once_with_the_date_of_its_time_zone) {
  SLUICE_NEEDS_POSTGRES();
  // Due at midnight in a zone where that is 10:00 UTC on the day before.
  const ServedProject project(scheduled("cron: \"0 0 * * *\", timezone: Pacific/Kiritimati"));
  project.write("in/a.csv", "id\n1\n2\n");
  {
    const auto server = project.serve();
    ASSERT_TRUE(server->ready());
    EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="batch",state="waiting"} 1)"));
    EXPECT_TRUE(server->due().empty()) << "new, and due at once";
    EXPECT_EQ(server->stop().code, 0);
  }
  project.sql("update sluice.schedule set fired = now() - interval '3 days'");
  {
    const auto server = project.serve();
    EXPECT_TRUE(server->shows(R"(sluice_runs_total{project="served",job="batch",status="done"} 1)"));
    EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="batch",state="waiting"} 1)"));
    EXPECT_EQ(server->due().size(), 1U);
    EXPECT_EQ(server->stop().code, 0);
  }
  const std::string day = "(now() at time zone 'Pacific/Kiritimati')::date";
  EXPECT_EQ(project.sql("select count(*) || ' ' || bool_and(day = " + day + ") from batch"), "2 true");
  EXPECT_EQ(project.sql("select holder || extract(hour from fired at time zone 'UTC') from sluice.schedule"), "10");
}

TEST(serve, of_two_servers_one_runs_each_time) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(scheduled("every: 1s, overlap: queue"));
  project.write("in/a.csv", "id\n1\n");
  const auto one = project.serve();
  const auto other = project.serve();
  EXPECT_TRUE(one->ready());
  EXPECT_TRUE(other->ready());
  ASSERT_TRUE(wait_until([&] { return one->due().size() + other->due().size() >= 4; }))
      << one->process().err() << other->process().err();
  EXPECT_EQ(one->stop().code, 0);
  EXPECT_EQ(other->stop().code, 0);
  std::multiset<std::string> due;
  for (const auto& server : {&one, &other}) {
    for (const std::string& time : (*server)->due()) due.insert(time);
  }
  for (const std::string& time : due) EXPECT_EQ(due.count(time), 1U) << time;
  EXPECT_EQ(project.sql("select count(*) from batch"), "1");
}

TEST(serve, a_server_that_slept_past_its_lease_publishes_nothing) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(
      "schedule: { every: 1h }\nmodels: { on: warehouse }\nflows:\n  listed:\n    from: { table: warehouse.after }\n"
      "    into: { objects: out, key: after.csv, manifest: list.json }\n");
  std::filesystem::create_directory(project.at("models"));
  project.write("models/m.sql", "select :'run_id' as id, pg_advisory_xact_lock(42)::text as waited");
  project.write("models/after.sql", "select id from m");
  project.sql("create table m (id text, waited text)");
  // What was due runs at once, and waits there.
  {
    const auto server = project.serve();
    ASSERT_TRUE(server->ready()) << server->process().err();
    EXPECT_EQ(server->stop().code, 0);
  }
  project.sql("update sluice.schedule set fired = now() - interval '3 days'");
  support::Process holder(
      {.arguments = {"psql", postgres().url(project.database()), "-c", "select pg_advisory_lock(42), pg_sleep(600)"}});
  const std::string waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
  const std::string held = "select count(*) from pg_locks where locktype = 'advisory' and granted";
  ASSERT_TRUE(wait_until([&] { return project.sql(held) == "1"; }));
  const auto server = project.serve();
  ASSERT_TRUE(wait_until([&] { return project.sql(waiting) == "1"; })) << server->process().err();
  // Another server has taken the turn and is done.
  project.sql("update sluice.schedule set holder = '', fired = now(); insert into m values ('newer', '')");
  project.sql("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted");
  EXPECT_TRUE(server->shows(R"(sluice_runs_total{project="served",job="served",status="stopped"} 1)"))
      << server->process().err();
  EXPECT_TRUE(server->says("turn lost to another server: not published")) << server->process().err();
  EXPECT_EQ(server->stop().code, 0);
  EXPECT_EQ(project.sql("select id from m"), "newer");
  EXPECT_EQ(project.sql("select to_regclass('after') is null"), "t");
  EXPECT_FALSE(std::filesystem::exists(project.at("out/list.json")));
}

TEST(serve, a_schedule_that_watches_runs_when_a_row_moved_and_not_otherwise) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(scheduled("every: 1s, watch: { warehouse: { source: id } }"));
  project.write("in/a.csv", "id\n1\n");
  project.sql("create table source (id serial, name text); insert into source (name) values ('canary')");
  const auto server = project.serve();
  const auto done = [&](const std::string& count) {
    return server->shows(R"(sluice_runs_total{project="served",job="batch",status="done"} )" + count);
  };
  const auto looks = [&](std::size_t more) {
    const std::size_t before = server->due().size();
    return wait_until([&] { return server->due().size() >= before + more; });
  };
  EXPECT_TRUE(done("1")) << server->process().err();
  EXPECT_TRUE(looks(3)) << server->process().err();
  EXPECT_TRUE(done("1")) << "nothing moved";
  project.sql("insert into source (name) values ('canary')");
  EXPECT_TRUE(done("2")) << server->process().err();
  EXPECT_TRUE(looks(2));
  EXPECT_TRUE(done("2")) << "nothing moved";
  project.sql("alter table source rename id to ident");
  EXPECT_TRUE(server->shows(R"(sluice_runs_total{project="served",job="batch",status="failed"} 1)"));
  EXPECT_NE(server->process().err().find("table \\\"public.source\\\" has no column 'id'"), std::string::npos)
      << server->process().err();
  const support::Ended ended = server->stop();
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err.find("canary"), std::string::npos);
}

TEST(serve, what_polls_says_something_when_there_was_something_to_do) {
  const ServedProject project(scheduled("every: 1s", "file"), false);
  project.write("in/a.csv", "id\n1\n");
  const auto server = project.serve({}, "");
  const auto done = [&] {
    const std::string err = server->process().err();
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = err.find("run done", at)) != std::string::npos; ++at) ++lines;
    return lines;
  };
  const auto runs = [&](int count) {
    return server->shows(R"(sluice_runs_total{project="served",job="batch",status="done"} )" + std::to_string(count));
  };
  EXPECT_TRUE(server->says("run done")) << server->process().err();
  EXPECT_TRUE(runs(3));
  EXPECT_EQ(done(), 1U) << server->process().err();
  EXPECT_TRUE(server->due().empty());
  project.write("in/b.csv", "id\n2\n");
  EXPECT_TRUE(wait_until([&] { return done() == 2; })) << server->process().err();
  EXPECT_NE(server->process().err().find("due="), std::string::npos);
  EXPECT_EQ(server->stop().code, 0);
}

TEST(serve, an_export_has_a_schedule_of_its_own_and_is_counted) {
  const ServedProject project(std::string("schedule: { cron: \"@yearly\" }\n") + R"(flows:
  batch:
    from: { objects: folder, prefix: "" }
    record: { id: int }
    into: { table: file.batch, create: true, mode: replace }
  often:
    from: { database: file, sql: "select id, run_date from batch, (select :'run_date' as run_date) order by id" }
    into: { objects: out, key: often.csv, manifest: list.json }
    schedule: { every: 1s }
  yearly:
    from: { table: file.batch }
    into: { objects: out, key: yearly.csv }
)",
                              false);
  project.write("in/a.csv", "id\n1\n2\n");
  ASSERT_EQ(project.run().code, 0);
  std::filesystem::remove(project.at("out/yearly.csv"));
  const auto server = project.serve({}, "");
  EXPECT_TRUE(server->ready()) << server->process().err();
  const auto counted = [&](const std::string& what) {
    const std::string start = "\nsluice_export_" + what + "_total{project=\"served\",flow=\"often\"} ";
    const std::string text = server->get("/metrics").body;
    const std::size_t at = text.find(start);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + start.size()));
  };
  EXPECT_TRUE(wait_until([&] { return counted("rows") >= 6; }, seconds(60))) << server->process().err();
  EXPECT_GE(counted("objects"), 3);
  EXPECT_GE(counted("bytes"), 60);
  EXPECT_GE(counted("unchanged_objects"), 2);  // the day may have changed
  EXPECT_EQ(counted("failures"), 0) << server->process().err();
  EXPECT_TRUE(server->shows(R"(sluice_export_rows_total{project="served",flow="yearly"} 0)"));
  EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="served",state="waiting"} 1)"));
  EXPECT_FALSE(std::filesystem::exists(project.at("out/yearly.csv")));
  EXPECT_TRUE(std::filesystem::exists(project.at("out/often.csv")));
  // A folder stands where it writes.
  EXPECT_TRUE(wait_until([&] {
    std::error_code ignored;
    std::filesystem::remove(project.at("out/often.csv"), ignored);
    return std::filesystem::create_directory(project.at("out/often.csv"), ignored);
  }));
  project.write("out/often.csv/a", "");
  EXPECT_TRUE(wait_until([&] { return counted("failures") > 0; })) << server->process().err();
  EXPECT_EQ(server->stop().code, 0);
}

TEST(serve, a_server_that_died_gives_its_turn_away_when_the_lease_is_over) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(scheduled("cron: \"@hourly\""));
  project.write("in/a.csv", "id\n1\n");
  {
    const auto server = project.serve();
    ASSERT_TRUE(server->ready());
    EXPECT_EQ(server->stop().code, 0);
  }
  project.sql(
      "update sluice.schedule set fired = now() - interval '2 hours', holder = 'dead', until = now() + interval '1 "
      "hour'");
  const auto server = project.serve();
  EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="batch",state="standby"} 1)"));
  EXPECT_TRUE(server->due().empty());
  project.sql("update sluice.schedule set until = now()");
  EXPECT_TRUE(server->shows(R"(sluice_runs_total{project="served",job="batch",status="done"} 1)"));
  EXPECT_EQ(server->stop().code, 0);
}

TEST(serve, a_run_that_is_stopped_is_due_again) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(scheduled("cron: \"@hourly\""));
  project.write("in/a.csv", "id\n1\n");
  ASSERT_EQ(project.run().code, 0);
  {
    const auto server = project.serve();
    ASSERT_TRUE(server->ready());
    EXPECT_EQ(server->stop().code, 0);
  }
  project.sql("update sluice.schedule set fired = now() - interval '2 hours'");
  project.write("in/b.csv", "id\n2\n");
  auto locker = std::thread([&] {
    try {
      project.sql("begin; lock table batch in exclusive mode; select pg_sleep(60)");
    } catch (const std::exception&) {  // ended below
    }
  });
  const auto server = project.serve();
  const bool waits = wait_until([&] {
    return project.sql(
               "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = "
               "current_database()") != "0";
  });
  server->process().send_signal(SIGTERM);
  EXPECT_TRUE(server->says("stopping"));
  EXPECT_EQ(server->get("/readyz").body.substr(0, 18), "not ready\ndraining");
  project.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table batch%'");
  locker.join();
  const auto ended = server->process().wait(seconds(20));
  EXPECT_TRUE(waits);
  ASSERT_TRUE(ended) << "does not end";
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_EQ(project.sql("select fired < now() - interval '1 hour' and holder = '' from sluice.schedule"), "t");

  const auto again = project.serve();
  EXPECT_TRUE(again->shows(R"(sluice_runs_total{project="served",job="batch",status="done"} 1)"));
  EXPECT_EQ(again->stop().code, 0);
  EXPECT_EQ(project.sql("select count(*) from batch"), "2");
}

TEST(serve, a_second_signal_ends_it_at_once) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(followed);
  project.send(1, 10);
  const auto server = project.serve();
  ASSERT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 10)"));
  auto locker = std::thread([&] {
    try {
      project.sql("begin; lock table live in exclusive mode; select pg_sleep(60)");
    } catch (const std::exception&) {  // ended below
    }
  });
  const auto locks = [&](const std::string& where) {
    return project.sql("select count(*) from pg_stat_activity where datname = current_database() and " + where) != "0";
  };
  EXPECT_TRUE(wait_until([&] { return locks("wait_event = 'PgSleep'"); }));
  project.send(11, 10);
  EXPECT_TRUE(wait_until([&] { return locks("wait_event_type = 'Lock'"); }));
  server->process().send_signal(SIGTERM);
  EXPECT_TRUE(server->says("stopping"));
  EXPECT_TRUE(server->process().running());
  server->process().send_signal(SIGTERM);
  const auto ended = server->process().wait(seconds(10));
  project.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table live%'");
  locker.join();
  ASSERT_TRUE(ended) << "does not end";
  EXPECT_EQ(ended->code, 128 + SIGTERM);
}

TEST(serve, of_two_servers_of_a_duckdb_file_one_stands_by_until_the_other_is_gone) {
  const ServedProject project(scheduled("every: 1s", "file"), false);
  project.write("in/a.csv", "id\n1\n");
  const auto one = project.serve();
  ASSERT_TRUE(wait_until([&] { return one->due().size() >= 2; })) << one->process().err();
  const auto other = project.serve();
  EXPECT_TRUE(other->ready());
  EXPECT_TRUE(other->shows(R"(sluice_job_state{project="served",job="batch",state="standby"} 1)"));
  EXPECT_TRUE(other->due().empty());
  one->process().send_signal(SIGKILL);  // the system drops its lock
  EXPECT_TRUE(wait_until([&] { return !other->due().empty(); })) << other->process().err();
  EXPECT_TRUE(other->shows(R"(sluice_runs_total{project="served",job="batch",status="failed"} 0)"));
  EXPECT_EQ(other->stop().code, 0);
}

TEST(serve, one_flow_that_fails_does_not_stop_the_others) {
  SLUICE_NEEDS_POSTGRES();
  const ServedProject project(std::string(followed) + R"(  other:
    from: { queue: second }
    record: { id: int }
    into: { table: warehouse.missing }
)");
  project.send(1, 10);
  const auto server = project.serve();
  EXPECT_TRUE(server->shows(R"(sluice_flow_rows_total{project="served",flow="live"} 10)"));
  EXPECT_TRUE(server->shows(R"(sluice_job_state{project="served",job="other",state="retrying"} 1)"));
  EXPECT_EQ(server->get("/readyz").body, "not ready\nserved other: retrying\n");
  project.sql("create table missing (id integer)");
  EXPECT_TRUE(server->ready()) << server->process().err();
  EXPECT_EQ(server->stop().code, 0);
}

TEST(serve, wrong_arguments_are_refused_before_anything_moves) {
  const ServedProject project(scheduled("every: 1s", "file"), false);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const support::Ended ended = support::run(project.command(arguments));
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_NE(ended.err.find(text), std::string::npos) << ended.err;
  };
  refused({"serve"}, "FILE");
  refused({"serve", "project.yaml", "--listen", "0.0.0.0:80"}, "no loopback address");
  refused({"serve", "project.yaml", "--lease", "0"}, "--lease is a time from 1s");
  refused({"serve", "project.yaml", "project.yaml"}, "another file has a project 'served'");
  project.write("nothing.yaml", R"(name: nothing
connections: { o: { files: in }, w: { duckdb: w.duckdb } }
keys: keys.json
flows:
  f: { from: { objects: o, prefix: "" }, record: { id: int }, into: { table: w.t, create: true } }
)");
  refused({"serve", "nothing.yaml"}, "there is nothing to serve");
}

}  // namespace
}  // namespace sluice::faults
