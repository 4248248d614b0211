// relay/loop.cc: see loop.h.
#include "relay/loop.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.h"

namespace tiderelay::relay {

using boost::system::error_code;

struct Loop::Impl {
  asio::io_context context{1};
  std::mutex guarding;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard;
  std::thread thread;
};

Loop::Loop(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->guard.emplace(impl_->context.get_executor());
  Impl* impl = impl_.get();
  impl_->thread = std::thread([impl, name = name.substr(0, 15)] {
    pthread_setname_np(pthread_self(), name.c_str());
    impl->context.run();
  });
}

Loop::~Loop() {
  finish();
  join();
}

asio::any_io_executor Loop::executor() const { return impl_->context.get_executor(); }

void Loop::post(std::function<void()> work) { asio::post(impl_->context, std::move(work)); }

void Loop::finish() {
  const std::scoped_lock lock(impl_->guarding);
  impl_->guard.reset();
}

void Loop::join() {
  CHECK(!is_here(), "a loop is joined from outside");
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool Loop::is_here() const { return std::this_thread::get_id() == impl_->thread.get_id(); }

Awaitable<void> sleep_for(asio::any_io_executor loop, std::chrono::nanoseconds time) {
  asio::steady_timer timer(loop);
  timer.expires_after(time);
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return Result<void>();
}

struct WorkerPool::Impl {
  explicit Impl(unsigned threads) : pool(threads) {}
  asio::thread_pool pool;
};

WorkerPool::WorkerPool(unsigned threads) : impl_(std::make_unique<Impl>(threads)) {}

WorkerPool::~WorkerPool() { impl_->pool.join(); }

namespace {
struct Job {
  Job(const asio::any_io_executor& on, std::function<void()> what)
      : loop(on), work(std::move(what)), done(on, asio::steady_timer::time_point::max()) {}
  asio::any_io_executor loop;
  std::function<void()> work;
  asio::steady_timer done;  // cancelled, on the loop, when the work has returned
  bool finished = false;
};

void run_job(const std::shared_ptr<Job>& job) {
  job->work();
  asio::post(job->loop, [job] {
    job->finished = true;
    job->done.cancel();
  });
}
}  // namespace

Awaitable<void> WorkerPool::run(asio::any_io_executor loop, std::function<void()> work) {
  const auto job = std::make_shared<Job>(loop, std::move(work));
  asio::post(impl_->pool, [job] { run_job(job); });
  while (!job->finished) {
    error_code ignored;
    co_await job->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return Result<void>();
}

}  // namespace tiderelay::relay
