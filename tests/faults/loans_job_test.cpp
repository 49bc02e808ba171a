// The loans whole: the same day gives the same bytes, no personal value leaves, and nobody can empty a table meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "job_flow.hpp"

namespace sluice::faults {
namespace {

using nlohmann::json;

TEST(loans_job, hands_out_what_another_program_works_out_and_the_same_bytes_again) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  support::Ended ended = loans.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Files objects = loans.objects();
  EXPECT_EQ(objects, loans.expected_objects());
  const std::string manifest = loans.store().get("loans/manifest.json");
  const json listed = json::parse(manifest);
  EXPECT_EQ(listed["objects"].size(), 3U) << manifest;

  ended = loans.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(loans.objects(), objects);
  EXPECT_EQ(loans.store().get("loans/manifest.json"), manifest);
  EXPECT_EQ(loans.store().stats().counts.at("objects"), 4U);

  ended = loans.run("2020-07-01");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(loans.objects(), loans.expected_objects("2020-07-01"));
  EXPECT_NE(loans.objects(), objects);
  EXPECT_EQ(loans.sql("select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"),
            "3")
      << "the source is only read";
}

TEST(loans_job, hands_out_urls_that_work_without_credentials) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  ASSERT_EQ(loans.run().code, 0);
  std::vector<std::string> arguments = loans.arguments();
  arguments[0] = "presign";
  arguments.insert(arguments.begin() + 2, {"paid_loans_count", "--expires", "7d"});
  const support::Ended ended = loans.sluice(arguments);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const support::HttpReply reply = support::http("GET", ended.out.substr(0, ended.out.find('\n')));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, loans.objects().at("paid_loans_count"));
  arguments[4] = "8d";
  EXPECT_EQ(loans.sluice(arguments).code, 2);
}

TEST(loans_job, that_would_hand_out_a_name_is_refused_before_anything_is_read) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  const std::filesystem::path folder = loans.folder() / "leak";
  std::filesystem::copy(SLUICE_SOURCE_DIR "/examples/loans", folder, std::filesystem::copy_options::recursive);
  std::ofstream(folder / "queries" / "paid_loans_count.sql")
      << "select u.id as client_id, upper(left(u.first_name, 1)) as paid_loans_count from \"user\" u order by u.id\n";
  const support::Ended ended =
      loans.sluice({"run", folder / "loans.yaml", "--var", "bucket=the-bucket", "--var", "as_of=2020-08-23"});
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.err.find("first_name"), std::string::npos) << ended.err;
  EXPECT_EQ(loans.store().stats().counts.at("objects"), 0U) << "none of the three";
}

TEST(loans_job, doctor_finds_nothing_wrong_until_a_table_changes_or_a_right_is_gone) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  std::vector<std::string> arguments = loans.arguments();
  arguments[0] = "doctor";
  support::Ended ended = loans.sluice(arguments);
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("export paid_loans_count: its query can be run"), std::string::npos) << ended.out;

  loans.sql("alter table loan rename column status to state");
  ended = loans.sluice(arguments);
  EXPECT_EQ(ended.code, 3) << ended.out;
  EXPECT_NE(ended.out.find("export paid_loans_count: "), std::string::npos) << ended.out;
  loans.sql("alter table loan rename column state to status");

  loans.sql("revoke select on payment from clerk");
  ended = loans.sluice(arguments);
  EXPECT_EQ(ended.code, 3) << ended.out;
  EXPECT_NE(ended.out.find("payment"), std::string::npos) << ended.out;
}

TEST(loans_job, without_clients_is_three_headers) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  loans.sql("truncate \"user\", loan, payment");
  ASSERT_EQ(loans.run().code, 0);
  for (const auto& [name, bytes] : loans.objects()) EXPECT_EQ(bytes, "client_id," + name + "\n");
}

TEST(loans_job, invalid_credentials_are_one_clear_error) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans;
  std::string url = postgres().url(loans.database(), "clerk");
  url.replace(url.find("secret"), 6, "forgotten");
  const support::Ended ended = loans.run("2020-08-23", {{"DATABASE_URL", url}});
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  EXPECT_EQ(ended.err.find("forgotten"), std::string::npos) << ended.err;
  EXPECT_EQ(loans.store().stats().counts.at("objects"), 0U);
}

TEST(loans_job, who_empties_a_table_meanwhile_waits) {
  SLUICE_NEEDS_POSTGRES();
  LoansJob loans({"--delay", "300"});  // each call: the run lasts for seconds
  const Files expected = loans.expected_objects();
  support::Process run(loans.command(loans.arguments()));
  ASSERT_TRUE(wait_until([&] {
    return loans.sql(
               "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'payment' and "
               "l.mode = 'AccessShareLock' and l.granted and l.pid <> pg_backend_pid()") != "0";
  })) << run.err();
  support::Process other(
      {{"psql", "-X", "-q", "-d", postgres().url(loans.database()), "-c", "truncate payment"}, {}, {}});
  ASSERT_TRUE(wait_until([&] {
    return loans.sql(
               "select count(*) from pg_stat_activity where query = 'truncate payment' and wait_event_type = 'Lock'") !=
           "0";
  }));
  const auto ended = run.wait(std::chrono::seconds(60));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_EQ(loans.objects(), expected);
  const auto emptied = other.wait(std::chrono::seconds(20));
  ASSERT_TRUE(emptied);
  EXPECT_EQ(emptied->code, 0) << emptied->err;
  EXPECT_EQ(loans.sql("select count(*) from payment"), "0");
}

}  // namespace
}  // namespace sluice::faults
