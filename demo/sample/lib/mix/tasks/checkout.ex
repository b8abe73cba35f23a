defmodule Mix.Tasks.Checkout do
  @shortdoc "Sells a small cart and prints the receipt"
  @moduledoc "Runs one sale through the till: `mix checkout [CUSTOMER]`."

  use Mix.Task

  alias Shop.{Item, Receipt, Till}
  alias Shop.Discount.{Bundle, Percent}

  @impl true
  def run(arguments) do
    Mix.Task.run("app.start")
    customer = List.first(arguments) || "you"

    discounts = [
      %Percent{tag: :book, percent: 10},
      %Bundle{name: "Coffee", size: 3}
    ]

    {:ok, till} = Till.start_link(discounts: discounts, name: Till)

    for item <- cart() do
      count = Till.scan(till, item)
      Mix.shell().info("scanned #{item.name} (#{count})")
    end

    receipt = Till.close(till)
    Mix.shell().info("\nA receipt for #{customer}\n\n#{Receipt.print(receipt)}")
  end

  defp cart do
    [
      %Item{name: "Coffee", price: 450, quantity: 4, tags: [:drink]},
      %Item{name: "Elixir Guide", price: 3200, tags: [:book]},
      %Item{name: "Notebook", price: 650, quantity: 2}
    ]
  end
end
