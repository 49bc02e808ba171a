#include <gtest/gtest.h>
#include <httplib.h>

#include <fstream>

#include "sluice/web/http_server.hpp"
#include "sluice/web/metrics.hpp"

namespace sluice::web {
namespace {

runtime::RunReport report_of(std::uint64_t received, std::uint64_t rejected) {
  runtime::RunReport report;
  report.received = received;
  report.written.written = received - rejected;
  report.written.rows = received - rejected;
  report.written.rejected = rejected;
  if (rejected > 0) report.rejects_by_reason["missing_field"] = rejected;
  report.database = 1.5;
  report.calls["ReceiveMessage"] = 3;
  return report;
}

// A board with something on every line.
void fill(Board& board) {
  const std::size_t flow = board.add_flow("shop", "orders");
  const std::size_t job = board.add_job("shop", "orders", true);
  board.add_flow("shop", "parcels");
  board.state(job, JobState::waiting, 1711843200);
  board.flow_ended(flow, report_of(10, 1));
  board.progress(flow, report_of(5, 0));
  board.depth(flow, QueueDepth{7, 2, 0});
  const std::size_t out = board.add_export("shop", "parcels_csv");
  runtime::ExportReport exported;
  exported.rows = 30;
  exported.bytes = 4000;
  exported.files = {{"a", 20, 300, "", ""}, {"b", 10, 200, "", ""}};
  exported.unchanged = 1;
  board.export_ended(out, &exported);
  board.export_ended(out, &exported);
  board.export_ended(out, nullptr);
  exported.stopped = true;
  board.export_ended(out, &exported);
  board.run_ended(job, false, false, 2.5, 1711840000);
  board.run_ended(job, true, false, 0.5, 1711840100);
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, count_what_ended_and_what_is_at_work) {
  Board board;
  fill(board);
  const std::string text = metrics_text(board, "1.2.3");
  for (const char* line : {
           "sluice_build_info{version=\"1.2.3\"} 1",
           "# TYPE sluice_flow_received_total counter",
           "sluice_flow_received_total{project=\"shop\",flow=\"orders\"} 15",
           "sluice_flow_received_total{project=\"shop\",flow=\"parcels\"} 0",
           "sluice_flow_rejected_total{project=\"shop\",flow=\"orders\"} 1",
           "sluice_flow_rejects_by_reason_total{project=\"shop\",flow=\"orders\",reason=\"missing_field\"} 1",
           "sluice_flow_stage_seconds_total{project=\"shop\",flow=\"orders\",stage=\"database\"} 3",
           "sluice_flow_calls_total{project=\"shop\",flow=\"orders\",call=\"ReceiveMessage\"} 6",
           "sluice_queue_messages{project=\"shop\",flow=\"orders\",state=\"visible\"} 7",
           "# TYPE sluice_export_rows_total counter",
           "sluice_export_rows_total{project=\"shop\",flow=\"parcels_csv\"} 60",
           "sluice_export_bytes_total{project=\"shop\",flow=\"parcels_csv\"} 1000",
           "sluice_export_objects_total{project=\"shop\",flow=\"parcels_csv\"} 4",
           "sluice_export_unchanged_objects_total{project=\"shop\",flow=\"parcels_csv\"} 2",
           "sluice_export_failures_total{project=\"shop\",flow=\"parcels_csv\"} 1",
           "sluice_job_state{project=\"shop\",job=\"orders\",state=\"waiting\"} 1",
           "sluice_job_state{project=\"shop\",job=\"orders\",state=\"halted\"} 0",
           "sluice_runs_total{project=\"shop\",job=\"orders\",status=\"done\"} 1",
           "sluice_runs_total{project=\"shop\",job=\"orders\",status=\"failed\"} 1",
           "sluice_last_run_duration_seconds{project=\"shop\",job=\"orders\"} 0.5",
           "sluice_last_success_timestamp_seconds{project=\"shop\",job=\"orders\"} 1711840000",
           "sluice_schedule_next_timestamp_seconds{project=\"shop\",job=\"orders\"} 1711843200",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nin\n" << text;
  }
  EXPECT_EQ(text.find("sluice_queue_messages{project=\"shop\",flow=\"parcels\""), std::string::npos);
}

TEST(Metrics, pass_promtool) {
  if (std::system("promtool --version > /dev/null 2>&1") != 0) {
    std::fprintf(stderr, "SKIPPED LOUDLY: promtool not found; install prometheus\n");
    GTEST_SKIP() << "promtool not found";
  }
  Board board;
  fill(board);
  const std::string file = testing::TempDir() + "sluice_metrics.txt";
  std::ofstream(file) << metrics_text(board, "1.2.3");
  EXPECT_EQ(std::system(("promtool check metrics < " + file).c_str()), 0);
}

TEST(Board, is_ready_when_every_job_has_been_at_work_and_none_failed) {
  Board board;
  const std::size_t one = board.add_job("shop", "orders", false);
  const std::size_t two = board.add_job("shop", "nightly", true);
  EXPECT_EQ(board.unready(), (std::vector<std::string>{"shop orders: starting", "shop nightly: starting"}));
  board.state(one, JobState::running);
  board.state(two, JobState::standby);
  EXPECT_TRUE(board.unready().empty());
  board.state(one, JobState::retrying);
  EXPECT_EQ(board.unready(), std::vector<std::string>{"shop orders: retrying"});
  board.state(one, JobState::running);
  // A queue that failed and is followed again is well; a schedule that failed is so when a run has gone through.
  board.run_ended(one, true, false, 1, 100);
  EXPECT_TRUE(board.unready().empty());
  board.state(two, JobState::waiting, 200);
  board.run_ended(two, true, false, 1, 200);
  EXPECT_EQ(board.unready(), std::vector<std::string>{"shop nightly: waiting, its last run failed"});
  board.state(two, JobState::running);
  EXPECT_EQ(board.unready(), std::vector<std::string>{"shop nightly: running, its last run failed"});
  board.run_ended(two, false, false, 1, 300);
  EXPECT_TRUE(board.unready().empty());
  board.drain();
  EXPECT_EQ(board.unready(), std::vector<std::string>{"draining"});
}

TEST(Board, tells_a_failed_run_that_was_overdue_when_the_server_started) {
  Board board;
  const std::size_t job = board.add_job("shop", "nightly", true);
  board.state(job, JobState::running);
  board.run_ended(job, true, false, 1, 100);
  EXPECT_EQ(board.unready(), std::vector<std::string>{"shop nightly: running, its last run failed"});
}

TEST(Board, forgets_a_failed_run_when_another_server_has_the_turn) {
  Board board;
  const std::size_t job = board.add_job("shop", "nightly", true);
  board.state(job, JobState::running);
  board.run_ended(job, true, false, 1, 100);
  board.state(job, JobState::standby);
  EXPECT_TRUE(board.unready().empty());
}

TEST(Listen, takes_loopback_addresses_only) {
  EXPECT_EQ(parse_listen("127.0.0.1:9464")->port, 9464);
  EXPECT_EQ(parse_listen("0")->port, 0);
  EXPECT_EQ(parse_listen("0")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("[::1]:80")->host, "::1");
  for (const char* text :
       {"0.0.0.0:9464", "192.168.1.1:9464", ":9464", "127.0.0.1:", "127.0.0.1:x", "70000", "-1", ""}) {
    const auto listen = parse_listen(text);
    ASSERT_FALSE(listen) << text;
    EXPECT_EQ(listen.error().fault, Fault::config);
  }
}

TEST(HttpServer, answers_on_a_free_port_and_closes_it) {
  int port = 0;
  {
    const auto server = serve_pages({}, [](const std::string& path) {
      return Page{path == "/a" ? 200 : 404, "text/plain", path};
    });
    ASSERT_TRUE(server);
    port = (*server)->port();
    httplib::Client client("127.0.0.1", port);
    const auto found = client.Get("/a");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->status, 200);
    EXPECT_EQ(found->body, "/a");
    EXPECT_EQ(client.Get("/b")->status, 404);
    EXPECT_EQ(client.Post("/a", "", "text/plain")->status, 405) << "nothing is changed by a request";
    const auto second = serve_pages({"127.0.0.1", port}, [](const std::string&) { return Page{}; });
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text().find("cannot listen on 127.0.0.1:"), std::string::npos);
  }
  EXPECT_FALSE(httplib::Client("127.0.0.1", port).Get("/a"));
}

}  // namespace
}  // namespace sluice::web
