defmodule Bench.Probe do
  @moduledoc """
  Answers the benchmark over a socket: a command a line, `MICROSECONDS RESULT` a line.

  Every command runs in a process of its own, as a request of a web server would, and measures itself with the clock of
  the machine it runs on, so the socket's time is in no number.
  """

  def serve do
    Bench.Alive.start()
    port = "BENCH_PORT" |> System.fetch_env!() |> String.to_integer()
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, packet: :line, active: false, nodelay: true])
    answer(socket)
  end

  defp answer(socket) do
    case :gen_tcp.recv(socket, 0) do
      {:ok, line} ->
        [command | numbers] = String.split(line)
        {micros, result} = measure(command, Enum.map(numbers, &String.to_integer/1))
        :ok = :gen_tcp.send(socket, "#{micros} #{result}\n")
        answer(socket)

      {:error, :closed} ->
        :ok
    end
  end

  defp measure("memory", []) do
    Enum.each(Process.list(), &:erlang.garbage_collect/1)
    {0, :erlang.memory(:total)}
  end

  defp measure(command, numbers) do
    {module, function, arguments} = call(command, numbers)
    fn -> :timer.tc(module, function, arguments) end |> Task.async() |> Task.await(:infinity)
  end

  defp call("spin", [n]), do: {Bench.Hot, :spin, [n, 0]}
  defp call("rarely", [n, every]), do: {Bench.Hot, :rarely, [n, every, 0]}
  defp call("calls", [n]), do: {Bench.Condition, :calls, [n, 0]}
  defp call("inside", [n]), do: {Bench.Condition, :inside, [n, 0]}
  defp call("along", [x]), do: {Bench.Walk, :along, [x]}
  defp call("alive", [rounds]), do: {Bench.Alive.Check, :wrong, [rounds]}
  defp call("across", [x]), do: {Bench.Walk, :across, [x]}
end
