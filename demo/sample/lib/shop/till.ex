defmodule Shop.Till do
  @moduledoc "A till: a process that collects items and closes the sale with a receipt."

  use GenServer

  alias Shop.{Item, Pricing}

  defstruct items: [], discounts: [], sales: 0

  def start_link(options \\ []) do
    GenServer.start_link(__MODULE__, options, name: options[:name])
  end

  # Whoever waits at a till has patience, also while it stands at a breakpoint.
  @patience :infinity

  @doc "Puts an item on the belt."
  def scan(till, %Item{} = item), do: GenServer.call(till, {:scan, item}, @patience)

  @doc "Prices everything scanned so far and starts over."
  def close(till), do: GenServer.call(till, :close, @patience)

  @impl true
  def init(options) do
    {:ok, %__MODULE__{discounts: Keyword.get(options, :discounts, [])}}
  end

  @impl true
  def handle_call({:scan, item}, _from, till) do
    till = %{till | items: [item | till.items]}
    {:reply, length(till.items), till}
  end

  def handle_call(:close, _from, till) do
    receipt = till.items |> Enum.reverse() |> Pricing.receipt(till.discounts)
    {:reply, receipt, %{till | items: [], sales: till.sales + 1}}
  end
end
