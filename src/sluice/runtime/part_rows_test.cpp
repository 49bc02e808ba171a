// Parts read side by side: handed on in their order, within the memory they may take, and ended as a whole.
#include "sluice/runtime/part_rows.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sluice/core/batch_builder.hpp"

namespace sluice::runtime {
namespace {

constexpr std::size_t rows_each = 10;  // of a batch

std::shared_ptr<const Schema> columns() {
  static const auto schema = std::make_shared<const Schema>(Schema{{"n", {Kind::int64}}});
  return schema;
}

// A table of numbers from 0 on, of parts of the same length.
struct Table {
  std::size_t parts = 1;
  std::size_t batches = 1;                             // of a part
  std::size_t failing = static_cast<std::size_t>(-1);  // a part
  std::size_t hanging = static_cast<std::size_t>(-1);  // a part
  std::atomic<std::size_t> made{0};                    // batches, so far
  std::atomic<std::size_t> interrupted{0};
};

class Reader final : public RowReader {
 public:
  Reader(Table& table, std::size_t part, const std::atomic<bool>& broken)
      : table_(table), part_(part), broken_(broken) {}
  Result<bool> next(Batch& batch) override {
    if (part_ == table_.failing && at_ > 0) return fail(Fault::transient, "the connection was lost");
    while (part_ == table_.hanging && !broken_) std::this_thread::yield();
    if (broken_) return fail(Fault::failed, "interrupted");
    if (at_ == table_.batches) return false;
    const auto rows = std::make_shared<BatchBuilder>(columns());
    for (std::size_t row = 0; row < rows_each; ++row) {
      rows->set<std::int64_t>(0, static_cast<std::int64_t>((part_ * table_.batches + at_) * rows_each + row));
      rows->end_row();
    }
    batch = rows->batch();
    batch.owner = rows;
    ++at_;
    ++table_.made;
    return true;
  }

 private:
  Table& table_;
  std::size_t part_;
  const std::atomic<bool>& broken_;
  std::size_t at_ = 0;
};

class Parts final : public PartReader {
 public:
  explicit Parts(Table& table) : table_(table) {}
  Result<std::unique_ptr<RowReader>> open(std::size_t part) override {
    return std::make_unique<Reader>(table_, part, broken_);
  }
  void interrupt() override {
    broken_ = true;
    ++table_.interrupted;
  }

 private:
  Table& table_;
  std::atomic<bool> broken_{false};
};

PartedRows parted(Table& table, std::size_t readers) {
  PartedRows out{table.parts};
  for (std::size_t i = 0; i < readers; ++i) out.readers.push_back(std::make_unique<Parts>(table));
  return out;
}

TEST(PartRows, come_in_the_order_of_the_parts_whatever_the_number_of_readers) {
  for (const std::size_t readers : {1U, 2U, 3U, 8U}) {
    Table table{.parts = 7, .batches = 3};
    PartRows rows(parted(table, readers), {});
    Batch batch;
    std::int64_t next = 0;
    while (true) {
      const Result<bool> more = rows.next(batch);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) break;
      for (std::size_t row = 0; row < batch.rows; ++row) ASSERT_EQ(batch.vectors[0].at<std::int64_t>(row), next++);
    }
    EXPECT_EQ(next, static_cast<std::int64_t>(7 * 3 * rows_each)) << readers;
    EXPECT_FALSE(rows.next(batch).value()) << "still at the end";
  }
}

TEST(PartRows, of_empty_parts_are_none) {
  Table table{.parts = 5, .batches = 0};
  PartRows rows(parted(table, 2), {});
  Batch batch;
  EXPECT_FALSE(rows.next(batch).value());
}

TEST(PartRows, are_read_ahead_as_far_as_the_memory_goes_and_no_further) {
  Table table{.parts = 4, .batches = 100};
  constexpr std::size_t batch_bytes = 2048 * 16;
  {
    PartRows rows(parted(table, 4), {}, 4 * 3 * batch_bytes);
    while (table.made < 4 * 4) std::this_thread::yield();  // three wait in each lane, one at its door
    Batch batch;
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(rows.next(batch).value());
    EXPECT_LE(table.made, 50U + 4 * 4 + 1);
  }
  EXPECT_EQ(table.interrupted, 4U);
}

TEST(PartRows, end_with_the_error_of_any_part_and_do_not_go_on) {
  Table table{.parts = 6, .batches = 2, .failing = 3};
  PartRows rows(parted(table, 3), {});
  Batch batch;
  Result<bool> more = true;
  std::size_t batches = 0;
  while ((more = rows.next(batch)) && *more) ++batches;
  ASSERT_FALSE(more) << "a short read";
  EXPECT_EQ(more.error().message, "the connection was lost");
  EXPECT_LE(batches, 3U * 2U + 1U);
  EXPECT_FALSE(rows.next(batch)) << "an error stays one";
}

TEST(PartRows, that_nobody_wants_any_more_end_though_a_reader_hangs) {
  Table table{.parts = 4, .batches = 2, .hanging = 1};
  {
    PartRows rows(parted(table, 2), {});
    Batch batch;
    ASSERT_TRUE(rows.next(batch).value());
  }
  EXPECT_EQ(table.interrupted, 2U);
}

TEST(PartRows, that_are_stopped_give_an_error_and_no_end) {
  Table table{.parts = 2, .batches = 2, .hanging = 0};
  std::stop_source stop;
  PartRows rows(parted(table, 2), stop.get_token());
  std::jthread stopper([&stop] { stop.request_stop(); });
  Batch batch;
  EXPECT_FALSE(rows.next(batch));
}

}  // namespace
}  // namespace sluice::runtime
