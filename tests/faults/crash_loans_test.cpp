// The loans, killed at each point of the table in job_crash.hpp.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "job_crash.hpp"

namespace sluice::faults {
namespace {

using nlohmann::json;

// What a manifest lists, without the versions, which are the store's own.
std::string listed(const LoansJob& loans) {
  const json manifest = json::parse(loans.store().get("loans/manifest.json"));
  std::string all = manifest["flows"].dump() + "\n";
  for (const json& object : manifest["objects"])
    all += object["key"].dump() + object["rows"].dump() + object["bytes"].dump() + object["sha256"].dump() + "\n";
  return all;
}

class crash_loans : public testing::Test {
 protected:
  void SetUp() override {
    SLUICE_NEEDS_POSTGRES();
    SLUICE_NEEDS_CRASH_POINTS();
    loans_.emplace();
    twin_.emplace();
    book_ = book(loans());
  }
  void TearDown() override {
    loans_.reset();
    twin_.reset();
  }

  LoansJob& loans() { return *loans_; }
  LoansJob& twin() { return *twin_; }

  static std::string book(const LoansJob& loans) {
    std::string all;
    for (const std::string table : {"\"user\"", "loan", "payment"})
      all +=
          loans.sql("select md5(string_agg(t::text, ';' order by id)) || ' ' || count(*) from " + table + " t") + "\n";
    return all;
  }

  void ends_as_its_twin(const std::string& as_of) {
    done(twin().run(as_of));
    EXPECT_TRUE(loans().objects() == twin().objects());
    EXPECT_EQ(listed(loans()), listed(twin()));
    EXPECT_EQ(loans().store().stats().counts.at("objects"), 4U) << "three and their manifest";
    EXPECT_EQ(book(loans()), book_) << "the source is only read";
  }

  // So many more clients that an object has two parts.
  void grow() {
    for (LoansJob* job : {&loans(), &twin()}) {
      job->sql(
          "insert into \"user\"(id, created_on, first_name) select 2000000000 + i, '2020-01-01', 'x' from "
          "generate_series(1, 700000) i; analyze \"user\"");
    }
    book_ = book(loans());
  }

  std::string book_;

 private:
  std::optional<LoansJob> loans_;
  std::optional<LoansJob> twin_;
};

TEST_F(crash_loans, at_any_point_is_as_if_nothing_had_happened) {
  // The first has no manifest before it, nor objects; each of the others has those of another day.
  int day = 0;
  for (const std::string point : {"B3_files_up", "B1_rows_written", "B1_rows_written:3", "B2_object_published",
                                  "B2_object_published:2", "B3_files_up", "B4_manifest_sent"}) {
    SCOPED_TRACE(point);
    const std::string as_of = "2020-08-0" + std::to_string(++day);
    died_at(loans().run(as_of, crash_at(point)), point);
    done(loans().run(as_of));
    ends_as_its_twin(as_of);
    EXPECT_EQ(loans().objects(), loans().expected_objects(as_of));
    EXPECT_EQ(loans().store().get("loans/manifest.json"), twin().store().get("loans/manifest.json"));
  }
}

TEST_F(crash_loans, replies_that_are_lost_change_nothing) {
  int day = 0;
  // The first of three objects; the last of the two that change with the day; the manifest.
  for (const char* skip : {"0", "1", "2"}) {
    const std::string as_of = "2020-08-0" + std::to_string(++day);
    loans().store().clear_faults();
    loans().store().fault("lost_reply", std::string("count=1&action=PutObject&skip=") + skip);
    done(loans().run(as_of));
    EXPECT_EQ(loans().store().stats().faults.at("lost_reply"), static_cast<std::uint64_t>(day));
    ends_as_its_twin(as_of);
  }
}

// B5: it has read the manifest that it wants to follow when it falls asleep.
TEST_F(crash_loans, an_old_writer_that_wakes_up_is_refused) {
  done(loans().run("2020-08-01"));
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed ? "killed" : "told");
    const std::string as_of = killed ? "2020-08-03" : "2020-08-05";
    const std::string old_as_of = killed ? "2020-08-02" : "2020-08-04";
    loans().store().clear_faults();
    // Each of three exports looks at the manifest, too.
    loans().store().fault("delay", "count=1&ms=2000&skip=3&action=GetObject");
    support::Process old(
        loans().command(loans().arguments(old_as_of), killed ? crash_at("B5_refused") : Job::Environment()));
    ASSERT_TRUE(wait_until([&] {
      const auto faults = loans().store().stats().faults;
      return faults.contains("delay") && faults.at("delay") > (killed ? 0U : 1U);
    })) << old.err();
    old.send_signal(SIGSTOP);
    done(loans().run(as_of));
    old.send_signal(SIGCONT);
    const auto ended = old.wait(std::chrono::seconds(20));
    ASSERT_TRUE(ended);
    if (killed) {
      died_at(*ended, "B5_refused");
    } else {
      EXPECT_EQ(ended->code, 2) << ended->err;
      EXPECT_NE(ended->err.find("was changed by another run meanwhile"), std::string::npos) << ended->err;
    }
    ends_as_its_twin(as_of);  // without another run
  }
}

TEST_F(crash_loans, in_the_middle_of_an_object_of_parts_is_as_if_nothing_had_happened) {
  grow();
  // The upload of the dead stays behind: `doctor` tells of it once it is a day old, and a rule of the bucket aborts it.
  died_at(loans().run("2020-08-02", crash_at("B1_part_up")), "B1_part_up");
  EXPECT_EQ(loans().store().stats().counts.at("uploads"), 1U);
  EXPECT_EQ(loans().store().stats().counts.at("objects"), 0U);
  // The next run meets an error inside a 200, and a completion of which it never hears.
  loans().store().fault("error_in_200", "count=1&action=CompleteMultipartUpload");
  loans().store().fault("lost_reply", "count=1&skip=2&action=CompleteMultipartUpload");
  done(loans().run("2020-08-02"));
  EXPECT_TRUE(struck(loans(), "error_in_200") && struck(loans(), "lost_reply"));
  ends_as_its_twin("2020-08-02");
  EXPECT_GT(loans().objects().at("paid_loans_count").size(), std::size_t{8} << 20U) << "two parts";
  EXPECT_EQ(loans().store().stats().counts.at("uploads"), 1U) << "that of the dead";
}

// C: the loans read no object, but what fills their book does.
TEST_F(crash_loans, while_its_book_is_filled_is_as_if_nothing_had_happened) {
  const std::filesystem::path demo = loans().folder() / "demo";
  std::filesystem::copy_file(SLUICE_SOURCE_DIR "/examples/loans/book.yaml", demo / "filled.yaml");
  loans().superuser(true);
  const auto fill = [&](const Job::Environment& environment = {}) {
    return loans().sluice({"run", demo / "filled.yaml"}, environment);
  };
  done(fill());
  EXPECT_EQ(book(loans()), book_) << "what psql has read before";
  std::string users = text_of(demo / "book" / "user.csv");
  int id = 5000;
  for (const std::string point :
       {"C1_in_transaction", "C1_rows_written", "C1_before_commit", "C2_commit_sent", "C3_committed", "C5_known"}) {
    SCOPED_TRACE(point);
    users += std::to_string(++id) + ",2020-01-01,Ada,Dahl,1970-01-01,000000-00000\n";
    std::ofstream(demo / "book" / "user.csv", std::ios::binary) << users;
    twin().sql("insert into \"user\" values (" + std::to_string(id) +
               ", '2020-01-01', 'Ada', 'Dahl', '1970-01-01', '000000-00000')");
    died_at(fill(crash_at(point)), point);
    done(fill());
    EXPECT_EQ(book(loans()), book(twin()));
    EXPECT_EQ(loans().sql("select concat_ws(' ', (select count(*) from sluice.object), (select count(*) from "
                          "sluice.chunk), (select count(*) from sluice.reject))"),
              "3 0 0");
  }
}

}  // namespace
}  // namespace sluice::faults
