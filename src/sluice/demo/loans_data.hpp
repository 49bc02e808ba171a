// A loan book made from a seed, with the traits of a real one. No real data, and no real person.
#pragma once

#include <cstdint>
#include <string>

#include "sluice/core/result.hpp"

namespace sluice::demo {

struct LoanBook {
  std::uint32_t users = 113836;
  std::uint32_t loans = 167213;
  std::uint32_t payments = 118332;
};

// A smaller or larger one of the same proportions.
LoanBook loan_book_of(std::uint32_t users);

// Writes user.csv, loan.csv and payment.csv into `folder`, always the same bytes for one seed and size. The book ends
// on 2020-08-23. Loans are application, paid, active or overdue (40, 40, 10 and 10 %); payments are late (6 %) or on
// time, and 16 % of them are scheduled after that day. A third of the users have no loan, some loans belong to no user
// that is known, have no payment or several, and a few have the amount 0.
Result<void> write_loan_book(const std::string& folder, const LoanBook& book, std::uint32_t seed);

}  // namespace sluice::demo
