#include "sluice/core/clock.hpp"

#include <thread>

namespace sluice {
namespace {

class SystemClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }
  void sleep(std::chrono::milliseconds time) const override { std::this_thread::sleep_for(time); }
};

}  // namespace

std::int64_t Clock::now_micros() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch()).count();
}

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace sluice
