defmodule Bench.Start do
  @moduledoc "The line that `launch → first stop` waits for; without a debugger the line's own output marks the moment."

  def go do
    # The application has started and its modules are on the path; the next line is the one that is compared.
    IO.puts("reached") # bp:start
  end
end
