// SQL that fails on persons in clear, in DuckDB and in PostgreSQL: models, their tests, the queries of exports, rows
// that constraints and triggers refuse. Both databases quote the value; we must not.
#include <algorithm>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

class canary_sql : public CanaryFlow {
 protected:
  void SetUp() override {
    CanaryFlow::SetUp();
    if (IsSkipped()) return;
    fill_clear();
  }
};

class canary_sql_models : public canary_sql, public testing::WithParamInterface<const char*> {};

TEST_P(canary_sql_models, and_exports_that_fail_leave_no_mark) {
  const std::string file = std::string("models_") + GetParam() + ".yaml";
  EXPECT_EQ(drive({"validate", file}).code, 0);
  drive({"doctor", file});
  drive({"plan", file});
  const Ended ran = run({}, {}, file);
  EXPECT_EQ(ran.code, 4) << ran.err;
  EXPECT_NE(ran.out.find("good: "), std::string::npos) << ran.out;
  for (const char* failed : {"not_unique", "not_accepted", "not_in_range", "not_null", "not_related", "not_tested",
                             "twice", "failing_test", "narrow", "small", "judged", "failing_cast", "export_cast"})
    EXPECT_NE((ran.out + ran.err).find(failed + std::string(":")), std::string::npos) << failed << ran.out << ran.err;
  run({}, {.environment = {{"SLUICE_LOG_FORMAT", "json"}, {"SLUICE_JSON", "1"}}}, file);
  for (const char* one : {"export_cast", "export_regex", "export_json", "export_narrow"}) drive({"preview", file, one});
  search_all();
}

INSTANTIATE_TEST_SUITE_P(of, canary_sql_models, testing::Values("bank", "vault"),
                         [](const auto& one) { return std::string(one.param); });

TEST_F(canary_sql, rows_that_a_database_refuses_leave_no_mark) {
  fill();
  for (const char* format : {"logfmt", "json"}) {
    run({"to_vault", "to_bank"}, {.environment = {{"SLUICE_LOG_FORMAT", format}}});
    fill();
  }
  for (const char* reason : {"unique_violation", "check_violation", "null_not_allowed", "foreign_key_violation",
                             "too_long", "exclusion_violation", "invalid_text_representation"})
    EXPECT_NE(vault("select count(*) from sluice.reject where reason = '" + std::string(reason) + "'"), "0")
        << reason << ": " << vault("select distinct reason from sluice.reject");
  // In the words of a trigger, by every kind of error that is handled in a way of its own.
  for (const std::string& state : refusals()) {
    queue_->reset("wishes");  // what is no reject stays there
    queue_->create_queue("wishes");
    queue_->put("wishes", one_person("state" + state));
    run({"to_vault"});
  }
  // At the commit.
  queue_->reset("wishes");
  queue_->create_queue("wishes");
  vault(
      "alter table person drop constraint person_name_key; alter table person add unique (name) deferrable initially "
      "deferred");
  queue_->put("wishes", one_person("late"));
  std::string twin = one_person("late");
  queue_->put("wishes", twin.replace(twin.find("\"id\":\"late\""), 11, "\"id\":\"twin\""));
  run({"to_vault"});
  search_all();
}

}  // namespace
}  // namespace sluice::faults
