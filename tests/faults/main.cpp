#include <gtest/gtest.h>

#include "login_flow.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  sluice::faults::stop_postgres();
  return failed;
}
