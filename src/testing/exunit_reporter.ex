# An ExUnit formatter that tells the editor's test explorer what happens, one JSON object a line, over a loopback socket
# (protocol/testReport.ts). It is required into the VM that runs the tests, needs Elixir alone, and changes nothing there:
# without the editor at the other end it does nothing at all.
defmodule ElixirCoordinatedDebugger.TestReporter do
  @moduledoc false
  use GenServer

  # Bytes of one text; a longer one is cut.
  @max_text 100_000
  @connect_timeout 5_000

  # Where the editor listens, for this VM alone: programs that the tests start must not inherit it.
  @address System.get_env("ECD_TEST_REPORT", "")
  System.delete_env("ECD_TEST_REPORT")

  @impl true
  def init(opts) do
    coverage = start_coverage(System.get_env("ECD_TEST_COVERAGE"))
    {:ok, %{socket: connect(@address), coverage: coverage, width: opts[:width] || 80}}
  end

  @impl true
  def handle_cast({:suite_started, _opts}, state), do: tell(state, event: "suiteStarted")

  def handle_cast({:test_started, test}, state), do: tell(state, [event: "testStarted"] ++ place(test))

  def handle_cast({:test_finished, test}, state) do
    outcome =
      case test.state do
        nil -> [outcome: "passed"]
        {:skipped, reason} -> [outcome: "skipped", reason: to_string(reason)]
        {:excluded, _reason} -> [outcome: "excluded"]
        {:failed, failures} -> [outcome: "failed", failures: failures(test, failures)]
        # setup_all of the module failed; the module's own event says how.
        {:invalid, _module} -> [outcome: "invalid"]
      end

    tell(state, [event: "testFinished", ms: test.time / 1000] ++ place(test) ++ outcome)
  end

  def handle_cast({:module_finished, %{state: {:failed, failures}} = module}, state) do
    texts = failures(module, failures)
    tell(state, event: "moduleFailed", module: inspect(module.name), file: module.file, failures: texts)
  end

  def handle_cast({:suite_finished, _times}, state) do
    Enum.each(covered(state.coverage), &tell(state, [event: "covered"] ++ &1))
    tell(state, event: "suiteFinished")
  end

  def handle_cast(_other, state), do: {:noreply, state}

  defp place(%{name: name, tags: tags, module: module}) do
    # ExUnit puts the kind of test in front of the name.
    [
      module: inspect(module),
      name: to_string(name),
      file: tags.file,
      line: tags.line,
      doctest: tags[:test_type] == :doctest or tags[:test] == :doctest
    ]
  end

  ## Failures

  defp failures(subject, failures) do
    for {kind, reason, stack} = failure <- failures do
      [message: message(subject, failure), stack: Enum.map(stack, &frame/1)] ++ sides(kind, reason)
    end
  end

  # As the command line shows it, without the heading that the editor shows itself.
  defp message(subject, failure) do
    subject
    |> formatted(failure)
    |> String.trim_trailing()
    |> String.split("\n")
    |> without_heading(subject)
    |> Enum.map_join("\n", &String.replace(&1, ~r/^ {1,5}/, ""))
    |> cut()
  rescue
    # An exception whose own message/1 raises, or a value that cannot be inspected.
    error -> "The failure cannot be shown: " <> Exception.message(error)
  end

  defp formatted(%ExUnit.Test{} = test, failure),
    do: ExUnit.Formatter.format_test_failure(test, [failure], 1, 80, &colourless/2)

  defp formatted(module, failure),
    do: ExUnit.Formatter.format_test_all_failure(module, [failure], 1, 80, &colourless/2)

  defp colourless(_kind, text), do: text

  # Name and place; between them stand the parameters of a test that runs with several.
  defp without_heading([_name | lines], %ExUnit.Test{}) do
    {parameters, [_place | rest]} = Enum.split_while(lines, &(&1 =~ ~r/^ +Parameters: /))
    parameters ++ rest
  end

  defp without_heading([_name | lines], _module), do: lines

  # `assert actual == expected`; a pattern stands on the left.
  defp sides(:error, %ExUnit.AssertionError{left: left, right: right} = error) do
    none = ExUnit.AssertionError.no_value()

    cond do
      left == none or right == none -> []
      match?({:match, _}, error.context) -> [expected: Macro.to_string(left), actual: shown(right)]
      true -> [expected: shown(right), actual: shown(left)]
    end
  end

  defp sides(_kind, _reason), do: []

  defp shown(value), do: value |> inspect(pretty: true, limit: 5_000, printable_limit: @max_text) |> cut()

  defp frame({_module, _function, _arity, location} = entry) do
    text = entry |> Exception.format_stacktrace_entry() |> cut()

    case location[:file] do
      nil -> [text: text]
      file -> [text: text, file: Path.expand(to_string(file)), line: location[:line] || 0]
    end
  end

  defp frame(entry), do: [text: entry |> Exception.format_stacktrace_entry() |> cut()]

  ## Coverage: OTP's cover, for the modules of the project itself

  defp start_coverage(nil), do: nil

  defp start_coverage(_on) do
    # Mix of 1.15 and later takes applications off the path that the project does not name; OTP's folder still has them.
    with :non_existing <- :code.which(:cover),
         [folder | _] <- Path.wildcard(Path.join(:code.lib_dir(), "{tools,tools-*}/ebin")) do
      :code.add_pathz(to_charlist(folder))
    end

    if Code.ensure_loaded?(:cover), do: compile_for_coverage(), else: :missing
  end

  defp compile_for_coverage do
    _ = :cover.start()
    beams = Path.wildcard(Path.join(Mix.Project.compile_path(), "*.beam"))
    sources = for beam <- beams, {module, source} <- source(beam), into: %{}, do: {module, source}
    _ = :cover.compile_beam(Enum.map(beams, &to_charlist/1))
    sources
  end

  defp source(beam) do
    case :beam_lib.chunks(to_charlist(beam), [:compile_info]) do
      {:ok, {module, compile_info: info}} -> [{module, to_string(info[:source])}]
      {:error, :beam_lib, _reason} -> []
    end
  end

  defp covered(nil), do: []
  defp covered(:missing), do: [[missing: true]]

  defp covered(sources) do
    for {module, source} <- Enum.sort(sources), {:ok, lines} <- [:cover.analyse(module, :calls, :line)] do
      # Line 0 is code that a macro made.
      counts = for {{^module, line}, count} <- lines, line > 0, do: [line, count]
      [module: inspect(module), file: source, lines: counts]
    end
  end

  ## Wire

  defp connect(address) do
    with [port, token] <- String.split(address, ":"),
         {:ok, socket} <- :gen_tcp.connect({127, 0, 0, 1}, String.to_integer(port), [:binary], @connect_timeout),
         :ok <- :gen_tcp.send(socket, [token, ?\n]) do
      socket
    else
      # The tests run all the same; the editor says that it heard nothing.
      _ -> nil
    end
  end

  defp tell(%{socket: nil} = state, _event), do: {:noreply, state}

  defp tell(state, event) do
    case :gen_tcp.send(state.socket, [json(event), ?\n]) do
      :ok -> {:noreply, state}
      {:error, _closed} -> {:noreply, %{state | socket: nil}}
    end
  end

  defp json([{key, _} | _] = object) when is_atom(key) do
    [?{, object |> Enum.map(fn {key, value} -> [json(key), ?:, json(value)] end) |> Enum.intersperse(?,), ?}]
  end

  defp json(list) when is_list(list), do: [?[, list |> Enum.map(&json/1) |> Enum.intersperse(?,), ?]]
  defp json(value) when value in [nil, true, false], do: if(value == nil, do: "null", else: to_string(value))
  defp json(number) when is_number(number), do: to_string(number)
  defp json(atom) when is_atom(atom), do: json(Atom.to_string(atom))
  defp json(text) when is_binary(text), do: [?", escape(text, []), ?"]

  defp escape(<<?", rest::binary>>, done), do: escape(rest, [done, ?\\, ?"])
  defp escape(<<?\\, rest::binary>>, done), do: escape(rest, [done, ?\\, ?\\])
  defp escape(<<char, rest::binary>>, done) when char < 32, do: escape(rest, [done, control(char)])
  defp escape(<<char::utf8, rest::binary>>, done), do: escape(rest, [done, <<char::utf8>>])
  # Bytes that are no UTF-8 become the replacement character.
  defp escape(<<_byte, rest::binary>>, done), do: escape(rest, [done, "\uFFFD"])
  defp escape(<<>>, done), do: done

  defp control(char), do: ["\\u", char |> Integer.to_string(16) |> String.pad_leading(4, "0")]

  defp cut(text) when byte_size(text) <= @max_text, do: text
  defp cut(text), do: binary_part(text, 0, @max_text) <> "…"
end
