// kill -9 at random moments, again and again, while messages keep coming.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using std::chrono::milliseconds;

constexpr int kills = 32;
constexpr std::uint64_t messages_a_round = 650;  // 20,800 in all
constexpr milliseconds longest_life{500};

std::uint64_t seed() {
  const char* given = std::getenv("SLUICE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::fprintf(stderr, "SLUICE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

TEST(kill, at_random_moments_leaves_each_message_once) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  std::mt19937_64 random(seed());
  std::uniform_int_distribution<int> life(1, static_cast<int>(longest_life.count()));
  int killed = 0;
  int at_work = 0;  // had written something, and had not ended
  for (int round = 0; killed < kills && round < 2 * kills; ++round) {
    flow.fill(messages_a_round, static_cast<std::uint64_t>(round) + 1, 13);
    const std::uint64_t before = flow.rows();
    const auto process = flow.start();
    // Half of them die at some time after the start, half a moment after their first commit: start-up takes
    // most of such a short life.
    if (round % 2 == 1) {
      wait_until([&] { return flow.rows() > before || !process->running(); }, longest_life * 4);
      std::this_thread::sleep_for(milliseconds(life(random) / 10));
    } else {
      std::this_thread::sleep_for(milliseconds(life(random)));
    }
    process->send_signal(SIGKILL);
    const auto ended = process->wait(std::chrono::seconds(10));
    ASSERT_TRUE(ended);
    flow.keep(ended->out + ended->err);
    if (ended->signal == SIGKILL) {
      ++killed;
      at_work += flow.rows() > before ? 1 : 0;
    }
    if (round % 3 != 0) flow.queue().advance(3);  // else those leases are still held when the next one starts
  }
  EXPECT_EQ(killed, kills) << "too many ended by themselves";
  EXPECT_GE(at_work, kills / 4) << "too few of the kills struck a run at work";

  flow.queue().advance(3);
  const support::Ended last = flow.run();
  EXPECT_EQ(last.code, 0) << last.err;
  flow.verdict();
  std::fprintf(stderr, "kill: %d killed, %d of them after a commit\n", killed, at_work);
}

}  // namespace
}  // namespace sluice::faults
