// Time, passed in, so that a test can hold it still.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point now() const = 0;     // UTC, may jump
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // only grows
  virtual void sleep(std::chrono::milliseconds time) const = 0;

  std::int64_t now_micros() const;  // microseconds since 1970 UTC
};

// The machine's own.
const Clock& system_clock();

// Adds up the seconds a scope takes: { Stopwatch watch(total); work(); }
class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& total_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace sluice
