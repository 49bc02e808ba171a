// What an operation gives back: a value, or an Error that says what went wrong, where,
// and what to do. Errors never hold a value of a row: they travel into logs.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace sluice {

// Which kind of thing went wrong. It decides about retries and about the exit code.
enum class Fault {
  config,     // the project file, a key file or the command line is wrong: exit 2
  denied,     // credentials or rights: exit 3, a retry does not help
  transient,  // network, throttling, failover: back off and retry; exit 3 when it lasts
  damaged,    // bytes that do not match their checksum: read again from the beginning; exit 3 when it lasts
  conflict,   // the far side disagrees, e.g. a table has another shape: exit 2
  data,       // rejects over the limit, a failed test: exit 4
  failed,     // anything else that ended the operation: exit 1
};

struct Error {
  Fault fault = Fault::failed;
  std::string message;  // places, names and counts, never row values
  std::string hint{};   // what the user can do about it; may be empty

  bool retryable() const { return fault == Fault::transient || fault == Fault::damaged; }

  // Puts the place in front: "sqs logins: receive: timed out".
  Error within(std::string_view place) && {
    message.insert(0, ": ");
    message.insert(0, place);
    return std::move(*this);
  }
  Error advise(std::string_view what_to_do) && {
    hint = what_to_do;
    return std::move(*this);
  }
  // One line: the message, then what to do.
  std::string text() const { return hint.empty() ? message : message + "; " + hint; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Fault fault, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{fault, std::move(message), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The process's exit code for an error: 1 failed, 2 configuration, 3 environment, 4 data.
int exit_code(Fault fault);

}  // namespace sluice

#define SLUICE_JOIN_(a, b) a##b
#define SLUICE_JOIN(a, b) SLUICE_JOIN_(a, b)

// SLUICE_TRY(auto rows, source.next(stop)): the value, or return the error to the caller.
#define SLUICE_TRY(declaration, expression) SLUICE_TRY_(declaration, expression, SLUICE_JOIN(sluice_result_, __LINE__))
#define SLUICE_TRY_(declaration, expression, name)                              \
  auto name = (expression);                                                     \
  if (!name) return ::tl::unexpected<::sluice::Error>(std::move(name).error()); \
  declaration = std::move(*name)

// SLUICE_CHECK(sink.write(batch)): go on, or return the error to the caller.
#define SLUICE_CHECK(expression)                                                                      \
  do {                                                                                                \
    auto sluice_checked = (expression);                                                               \
    if (!sluice_checked) return ::tl::unexpected<::sluice::Error>(std::move(sluice_checked).error()); \
  } while (false)
