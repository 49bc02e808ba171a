// A queue between threads. What bounds it is the source, which stops receiving while too much is open.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace sluice::runtime {

template <class T>
class Pipe {
 public:
  void push(T value) {
    {
      const std::lock_guard lock(mutex_);
      values_.push_back(std::move(value));
    }
    filled_.notify_one();
  }
  // Waits; empty when `stop` is requested, though values may be left.
  std::optional<T> pop(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!filled_.wait(lock, stop, [this] { return !values_.empty(); })) return std::nullopt;
    return take();
  }
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) return std::nullopt;
    return take();
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  T take() {
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

  mutable std::mutex mutex_;  // guards values_
  std::condition_variable_any filled_;
  std::deque<T> values_;
};

}  // namespace sluice::runtime
