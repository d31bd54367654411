# Ruby's Sidekiq. The same command line as in common.py; as there, pushes that open the connection are not counted.
require "redis"
# Debian's Sidekiq 6.4.1 is older than Debian's redis gem 4.8, which prints a warning for each push and each fetch. Sidekiq
# with the gem it was released with has no such lines, and is not to be measured with them.
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)
require "sidekiq"

Sidekiq.logger.level = Logger::WARN if ENV["BENCH_LEVEL"] == "warning"

class Noop
  include Sidekiq::Worker

  def perform(email, thought) = nil
end

class Nap
  include Sidekiq::Worker

  def perform(seconds) = sleep(seconds)
end

class Stamp
  include Sidekiq::Worker

  def perform(pushed)
    started = Process.clock_gettime(Process::CLOCK_REALTIME)
    File.write(ENV.fetch("BENCH_STAMPS"), "#{pushed} #{started}\n", mode: "a")
  end
end

KINDS = {"noop" => [Noop, ["ada@example.com", "hello"]], "1ms" => [Nap, [0.001]], "50ms" => [Nap, [0.05]]}

def enqueue(count) = count.times { Noop.perform_async("ada@example.com", "hello") }

def bulk(kind, count)
  worker, args = KINDS.fetch(kind)
  worker.perform_bulk(Array.new(count) { args })
end

if $PROGRAM_NAME == __FILE__
  verb, *words = ARGV
  case verb
  when "work"
    exec({"BENCH_LEVEL" => words[1]}, "ruby", "-S", "sidekiq", "-r", __FILE__, "-c", words[0])
  when "wake"
    words[0].to_i.times do
      sleep(rand(0.01..0.02))
      Stamp.perform_async(Process.clock_gettime(Process::CLOCK_REALTIME))
    end
  when "fill"
    bulk(words[0], words[1].to_i)
  when "enqueue", "bulk"
    action = (verb == "bulk") ? ->(count) { bulk("noop", count) } : ->(count) { enqueue(count) }
    action.call(200)
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    action.call(words[0].to_i)
    puts Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
  end
end
