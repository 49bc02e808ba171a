#include "sluice/demo/loans_data.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <vector>

#include "sluice/demo/data.hpp"

namespace sluice::demo {
namespace {

constexpr Day first_day = day(2016, 1, 1);
constexpr Day last_day = day(2020, 8, 23);

// A file that is written in pieces: the book may be larger than memory should be.
class CsvFile {
 public:
  CsvFile(const std::string& folder, const char* name, const char* header)
      : path_(folder + "/" + name), out_(path_, std::ios::binary), text_(header) {}

  void add(std::string_view row) {
    text_ += row;
    if (text_.size() > (1U << 20U)) write();
  }
  Result<void> finish() {
    write();
    out_.close();
    if (!out_) return fail(Fault::failed, "cannot write " + path_, "look at the disk's space and the folder's rights");
    return {};
  }

 private:
  void write() {
    out_ << text_;
    text_.clear();
  }
  std::string path_;
  std::ofstream out_;
  std::string text_;
};

std::string money(std::uint32_t cents) { return fmt::format("{}.{:02}", cents / 100, cents % 100); }

Result<void> write_users(const std::string& folder, std::uint32_t count, Random& random) {
  constexpr std::array<std::string_view, 8> first{"Ada", "Bruno", "Clara", "Deniz", "Eino", "Filip", "Greta", "Hana"};
  constexpr std::array<std::string_view, 8> last{"Ahlberg", "Brandt",  "Costa",  "Dahl",
                                                 "Evans",   "Fischer", "Garcia", "Ito"};
  CsvFile file(folder, "user.csv", "id,created_on,first_name,last_name,birth_date,personal_code\n");
  for (std::uint32_t id = 1; id <= count; ++id) {
    const Day created = random.between(first_day, last_day);
    const std::string_view given = first[random.below(first.size())];
    const std::string_view family = last[random.below(last.size())];
    const std::string born = random.chance(200) ? "" : iso(random.between(day(1940, 1, 1), day(2001, 12, 31)));
    const std::uint32_t code = random.below(1000000);
    file.add(fmt::format("{},{},{},{},{},{:06}-{:05}\n", id, iso(created), given, family, born, code, id % 100000));
  }
  return file.finish();
}

struct Loan {
  std::uint32_t id;
  Day created;
  std::uint32_t cents;
};

// Gives the loans that were paid out: the others have no payments.
Result<std::vector<Loan>> write_loans(const std::string& folder, const LoanBook& book, Random& random) {
  CsvFile file(folder, "loan.csv", "id,client_id,amount,created_on,duration,matured_on,status,updated_on\n");
  const std::uint32_t borrowers = std::max(book.users * 2 / 3, 1U);
  std::vector<Loan> paid_out;
  for (std::uint32_t id = 1; id <= book.loans; ++id) {
    std::uint32_t client = random.between(1U, borrowers) * 3 / 2;  // of three users, one never
    if (random.chance(50)) client = book.users + random.between(1U, 1000U);
    // More of them lately, so that the last 90 days are not empty.
    const Day created = random.chance(2000) ? random.between(last_day - std::chrono::days(120), last_day)
                                            : random.between(first_day, last_day);
    const std::uint32_t cents = random.chance(20) ? 0 : random.between(5000U, 500000U);
    const std::uint32_t months = random.between(1U, 24U);
    const std::uint32_t kind = random.below(100);
    const std::string_view status = kind < 40 ? "application" : kind < 80 ? "paid" : kind < 90 ? "active" : "overdue";
    const Day matured = created + std::chrono::days(months * 30);
    const Day updated = random.between(created, last_day);
    file.add(fmt::format("{},{},{},{},{},{},{},{}\n", id, client, money(cents), iso(created), months, iso(matured),
                         status, iso(updated)));
    if (kind >= 40) paid_out.push_back({id, created, cents});
  }
  SLUICE_CHECK(file.finish());
  return paid_out;
}

Result<void> write_payments(const std::string& folder, const LoanBook& book, const std::vector<Loan>& loans,
                            Random& random) {
  CsvFile file(folder, "payment.csv", "id,loan_id,amount,principle,interest,status,created_on\n");
  for (std::uint32_t id = 1; id <= book.payments && !loans.empty(); ++id) {
    const Loan& loan = loans[random.below(static_cast<std::uint32_t>(loans.size()))];
    const std::uint32_t principle = loan.cents / random.between(1U, 12U);
    // No whole number of cents, as interest is worked out by day.
    const std::uint32_t tenth_cents = loan.cents / random.between(5U, 60U);
    const std::uint32_t amount = principle + tenth_cents / 10;
    const bool scheduled = random.chance(1600);
    const Day created = scheduled ? random.between(last_day + std::chrono::days(1), last_day + std::chrono::days(365))
                                  : random.between(loan.created, last_day);
    const bool late = random.chance(600);
    file.add(fmt::format("{},{},{},{},{}.{:03},{},{}\n", id, loan.id, money(amount), money(principle),
                         tenth_cents / 1000, tenth_cents % 1000, late ? "late" : "on_time", iso(created)));
  }
  return file.finish();
}

}  // namespace

LoanBook loan_book_of(std::uint32_t users) {
  const LoanBook whole;
  const auto share = [&](std::uint32_t count) {
    return static_cast<std::uint32_t>(std::uint64_t{count} * users / whole.users);
  };
  return {users, share(whole.loans), share(whole.payments)};
}

Result<void> write_loan_book(const std::string& folder, const LoanBook& book, std::uint32_t seed) {
  Random random(seed);
  SLUICE_CHECK(write_users(folder, book.users, random));
  SLUICE_TRY(const std::vector<Loan> paid_out, write_loans(folder, book, random));
  return write_payments(folder, book, paid_out, random);
}

}  // namespace sluice::demo
