#include "relay/awaitable.h"

#include <gtest/gtest.h>

#include "tests/relay/run_loop.h"

namespace tiderelay::relay {
namespace {

Awaitable<bool> passed_on(Result<bool> given) {
  const Result<bool> held = std::move(given);
  co_return held;
}

Awaitable<bool> passed_on_by_await(Result<bool> given) {
  const Result<bool> held = co_await passed_on(std::move(given));
  co_return held;
}

TEST(Awaitable, AFalseThatIsPassedOnStaysFalse) {
  asio::io_context loop;
  for (const bool value : {false, true}) {
    const Result<bool> once = tests::run(loop, passed_on(value));
    ASSERT_TRUE(once.has_value());
    EXPECT_EQ(*once, value);
    const Result<bool> twice = tests::run(loop, passed_on_by_await(value));
    ASSERT_TRUE(twice.has_value());
    EXPECT_EQ(*twice, value);
  }
  const Result<bool> failed = tests::run(loop, passed_on(Error(Errc::kData, "no")));
  ASSERT_FALSE(failed.has_value());
}

}  // namespace
}  // namespace tiderelay::relay
