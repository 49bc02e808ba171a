// The shop and the loans, killed at each point that the promise of delivery names, end as undisturbed twins do: the
// same rows in all tables, the same bytes in all objects.
//
// The rows of the two tables of crashes and the named points that stand for them:
//
// | row | killed or cut at                       | struck at                                 | shop | loans |
// | B1  | reading, or uploading an object        | B1_rows_written                           | yes  | yes   |
// |     | ... or a part of a large one           | B1_part_up                                | 1    | yes   |
// | B2  | completion sent, reply lost            | B2_object_published; `lost_reply`         | yes  | yes   |
// |     | ... or 200 with an error in its body   | `error_in_200`                            | 1    | yes   |
// | B3  | all objects up, no manifest            | B3_files_up                               | 2    | yes   |
// | B4  | manifest sent, reply lost              | B4_manifest_sent; `lost_reply`            | 2    | yes   |
// | B5  | an old writer wakes up                 | B5_refused, at the 412                    | yes  | yes   |
// | C1  | before or inside the transaction       | C1_in_transaction, _rows_written,         | yes  | 3     |
// |     |                                        | _before_commit                            |      |       |
// | C2  | COMMIT sent, reply lost                | C2_commit_sent                            | yes  | 3     |
// | C3  | committed; what follows is not done    | C3_committed                              | yes  | 3     |
// | C4  | the object overwritten during the read | C4_overwritten, at the 412                | yes  | 3     |
// | C5  | two runs, one object                   | C5_known, where the second has waited;    | yes  | 3     |
// |     |                                        | C1_before_commit in the first             |      |       |
//
// 1: the shop hands out a row a day, so its objects never have parts.
// 2: the shop's objects have fixed keys and no manifest; each is put on the condition that no other run has put one.
// 3: loans.yaml reads no object, so C does not come up in the job. What fills its book from files, book.yaml, is killed
//    at C1 to C3 and C5; not at C4, since of a folder no test can choose the moment between two reads of a file.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include "job_flow.hpp"
#include "support/crash_points.hpp"

namespace sluice::faults {

inline void died_at(const support::Ended& ended, const std::string& point) {
  ASSERT_EQ(ended.signal, SIGKILL) << ended.code << ended.err;
  ASSERT_NE(ended.err.find("crash point " + point.substr(0, point.find(':')) + "\n"), std::string::npos) << ended.err;
}

inline void done(const support::Ended& ended) { ASSERT_EQ(ended.code, 0) << ended.err; }

inline Job::Environment crash_at(const std::string& point) { return {{"SLUICE_CRASH_AT", point}}; }

inline bool struck(const Job& job, const std::string& fault) {
  const auto faults = job.store().stats().faults;
  return faults.contains(fault) && faults.at(fault) > 0;
}

// A lock that somebody else holds, until it goes out of scope.
class Locked {
 public:
  Locked(const Job& job, const std::string& table, const std::string& mode)
      : job_(job),
        psql_({{"psql", "-X", "-q", "-d", postgres().url(job.database()), "-c",
                "begin; lock table " + table + " in " + mode + " mode; select pg_sleep(60)"},
               {},
               {}}) {
    EXPECT_TRUE(wait_until([&] {
      return job_.sql(
                 "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = "
                 "current_database()") == "1";
    }));
  }
  ~Locked() {
    job_.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and datname = "
        "current_database()");
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  // So many runs wait, for it or for each other.
  bool waited_for_by(int runs) const {
    return wait_until([&] {
      return job_.sql(
                 "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = "
                 "current_database()") == std::to_string(runs);
    });
  }

 private:
  const Job& job_;
  support::Process psql_;
};

}  // namespace sluice::faults
